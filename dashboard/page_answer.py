"""The answer: what was changed, what came of it, how it came about, and the figures behind it, better or worse."""

from collections.abc import Sequence
from html import escape
from typing import Final

import streamlit as st

from dashboard import answers, look
from dashboard.answers import Told
from dashboard.differences import differences
from dashboard.shown import Shown
from experiments.figures import Figures, catalogue, stored_figures

_MOST_CHANGES: Final = 16
_MOST_AMOUNTS: Final = 10
_MARKS: Final = {"better": "✓ ", "worse": "✗ ", "": ""}
"""Marks and not arrows: what falls may be better."""

_LEGEND: Final = "✓ better, ✗ worse; of others more is neither."


def show(shown: Sequence[Shown]) -> None:
    """Of one run what its coordination changed; of several what each changed against the first."""
    st.title("What came of it?")
    values = [stored_figures(one.run) for one in shown]
    twins = [stored_figures(one.run, twin=True) if "twin/figures" in one.run.tables else {} for one in shown]
    if len(shown) == 1:
        _alone(shown[0], values[0], twins[0])
        return
    first = shown[0]
    st.html(
        look.run_head(first.name, first.colour, first.title)
        + look.soft("All others are compared with this run, the first at the left.")
    )
    for one, own, twin in zip(shown[1:], values[1:], twins[1:], strict=True):
        _compared(first, one, (values[0], own), (twins[0], twin))
    st.html(look.soft(answers.same_but([one.run for one in shown])))
    st.header("Figure by figure")
    st.html(look.soft(f"{_LEGEND} All figures stand under Figures."))
    st.html(_table(shown, values, twins))


def _alone(one: Shown, values: Figures, twin: Figures) -> None:
    """What coordination changed, and the links from cause to effect with their numbers."""
    st.html(look.run_head(one.name, one.colour, one.title))
    left, right = st.columns(2, gap="large")
    with left:
        if twin:
            st.html(
                "<h3>What coordination changes</h3>"
                + _list(
                    answers.effects(twin, values),
                    "Of what people ask for first nothing differs from the same day without coordination.",
                )
            )
            besides = answers.amounts(values, [key for key in answers.EFFECTS if twin.get(key) is None])
            if besides:
                st.html("<h3>What came out besides</h3>" + _list(besides, ""))
            st.html(
                look.soft(f"{_LEGEND} Compared with the same people, weather and devices {answers.without(one.run)}.")
            )
        else:
            st.html(
                "<h3>What came out</h3>" + _list(answers.amounts(values, answers.telling(values))[:_MOST_AMOUNTS], "")
            )
            st.html(
                look.soft(
                    "The run has no day without coordination beside it, so nothing is said about what coordination changed."
                )
            )
    with right:
        st.html(
            "<h3>How it came about</h3>"
            + _list(answers.chain(values, twin), "Nothing was needed, offered or activated.")
        )
    st.html(
        look.soft(
            "To ask what would be if something were otherwise: change it under What if and run it. The answer then stands here."
        )
    )


def _compared(first: Shown, one: Shown, values: tuple[Figures, Figures], twins: tuple[Figures, Figures]) -> None:
    """What a run changed, what came of it, and why."""
    changed = differences(first.run.meta, one.run.meta)
    more = len(changed) - _MOST_CHANGES
    st.html(
        look.run_head(one.name, one.colour, one.title)
        + look.changes(changed[:_MOST_CHANGES], "The scenario is the same.")
        + (look.soft(f"and {more} more: these are other scenarios, whose files stand under Files.") if more > 0 else "")
    )
    left, right = st.columns(2, gap="large")
    with left:
        st.html(
            "<h3>What came of it</h3>"
            + _list(answers.effects(*values), "Of what people ask for first nothing differs by a percent or more.")
        )
    with right:
        why = [*answers.reasons(*values, *twins), *answers.mishaps(first.run, one.run)]
        st.html("<h3>How it came about</h3>" + _list(why, answers.NO_REASON if changed else ""))


def _list(told: Sequence[Told], nothing: str) -> str:
    if not told:
        return look.soft(nothing)
    lines = "".join(f'<li class="{one.mark}">{_MARKS[one.mark]}{escape(one.text)}</li>' for one in told)
    return f'<ul class="cf-told">{lines}</ul>'


def _table(shown: Sequence[Shown], values: Sequence[Figures], twins: Sequence[Figures]) -> str:
    """The figures that are asked for first and the links between cause and effect, with the difference from the first run."""
    head = ["", shown[0].name]
    for one in shown[1:]:
        head += [one.name, "difference"]
    lines: list[Sequence[str]] = []
    marks: list[Sequence[str]] = []
    for title, keys, of in _parts(values, twins):
        lines.append([title])
        marks.append([""])
        for key in keys:
            spec, first = catalogue()[key], of[0].get(key)
            line, mark = [spec.title, answers.amount(spec, first)], ["", ""]
            for own in of[1:]:
                value = own.get(key)
                change = None if value is None or first is None else value - first
                sign = answers.mark_of(spec, change) if spec.text(first) != spec.text(value) else ""
                line += [answers.amount(spec, value), _MARKS[sign] + spec.text(change, "+")]
                mark += ["", sign]
            lines.append(line)
            marks.append(mark)
    return look.table(head, lines, range(1, len(head)), marks)


def _parts(values: Sequence[Figures], twins: Sequence[Figures]) -> list[tuple[str, list[str], Sequence[Figures]]]:
    def known(keys: Sequence[str], of: Sequence[Figures]) -> list[str]:
        return [key for key in keys if any(own.get(key) is not None for own in of)]

    parts: list[tuple[str, list[str], Sequence[Figures]]] = [
        ("Without coordination", known([one.figure for one in answers.CHAIN if one.twin], twins), twins),
        (
            "From the need to what was delivered",
            known([one.figure for one in answers.CHAIN if not one.twin], values),
            values,
        ),
        ("What came of it", known(answers.EFFECTS, values), values),
    ]
    return [part for part in parts if part[1]]
