"""Sequence diagrams as Mermaid text and as pictures (matplotlib, imported when a picture is drawn)."""

from collections.abc import Callable
from pathlib import Path
from textwrap import fill
from typing import Any

from experiments.diagram import LATE, LOST, OK, REFUSED, Arrow, Course
from experiments.errors import CoflexError, did_you_mean

Clock = Callable[[int], str]

FORMATS = ("svg", "png", "mermaid")
_COLOURS = {OK: "#1b3a57", LATE: "#e69f00", LOST: "#d55e00", REFUSED: "#cc79a7"}
"""Fate of a message -> colour, told apart by colour-blind readers (Okabe and Ito 2008)."""

_LANE_INCH, _ROW_INCH, _HEAD_INCH = 1.4, 0.36, 1.0
_TEXT_POINT, _TIME_POINT = 7.5, 6.5
"""Sizes at which eight lanes can still be read across a page."""


def write(sequence: Course, path: Path, form: str, clock: Clock) -> Path:
    """Write one diagram; its folder is made if it is not there.

    Raises:
        CoflexError: no such format.
    """
    if form not in FORMATS:
        text = f"unknown format {form!r}{did_you_mean(form, FORMATS)}"
        raise CoflexError(text)
    path.parent.mkdir(parents=True, exist_ok=True)
    if form == "mermaid":
        path.write_text(mermaid(sequence, clock), encoding="utf-8")
    else:
        _save(figure(sequence, clock), path, form)
    return path


def _save(drawn: Any, path: Path, form: str) -> None:
    """The same bytes for the same diagram: neither date nor random ids."""
    from matplotlib import rc_context

    with rc_context({"svg.hashsalt": "coflex"}):
        drawn.savefig(
            path, format=form, dpi=130, bbox_inches="tight", metadata={"Date": None} if form == "svg" else None
        )


def label(arrow: Arrow) -> str:
    """What is written on an arrow or in a box: step, name, count, and what went wrong."""
    parts = [
        arrow.step,
        arrow.name,
        f"\u00d7{arrow.count}" if arrow.count > 1 else "",
        "" if arrow.fate == OK else arrow.fate,
    ]
    return " ".join(part for part in parts if part)


def times(arrow: Arrow, clock: Clock) -> str:
    """When: one time, or from first to last."""
    first, last = clock(arrow.at_ms), clock(arrow.until_ms)
    return first if first == last else f"{first} \u2013 {last}"


def mermaid(sequence: Course, clock: Clock) -> str:
    """The diagram as Mermaid text."""
    lines = ["sequenceDiagram", f"    title {_plain(sequence.title)}"]
    lines += [f"    participant L{number} as {_plain(lane)}" for number, lane in enumerate(sequence.lanes)]
    for arrow in sequence.arrows:
        text = _plain(f"{label(arrow)}, {times(arrow, clock)}")
        if arrow.is_act:
            lines.append(f"    Note over L{arrow.source}: {text}")
        else:
            way = "-x" if arrow.fate in (LOST, REFUSED) else "->>"
            lines.append(f"    L{arrow.source}{way}L{arrow.target}: {text}")
    return "\n".join([*lines, f"    Note over L0: {_plain(sequence.outcome)}", ""])


def _plain(text: str) -> str:
    """Without the characters that end a statement of Mermaid or begin an entity."""
    return text.replace(";", ",").replace("#", "no. ").replace("\n", " ")


def figure(sequence: Course, clock: Clock) -> Any:
    """The diagram as a matplotlib figure: lanes from left to right, time downwards (order, not scale)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows, lanes = len(sequence.arrows), len(sequence.lanes)
    size = (max(_LANE_INCH * lanes + 1.6, 7.0), _ROW_INCH * (rows + 1) + _HEAD_INCH)
    drawn = Figure(figsize=size)
    FigureCanvasAgg(drawn)
    axes = drawn.add_axes((0.01, 0.01, 0.98, 0.98 - 0.35 / size[1]))
    axes.set(xlim=(-1.0, lanes - 0.35), ylim=(rows + 0.8, -1.75))
    axes.axis("off")
    drawn.suptitle(sequence.title, fontsize=10, x=0.02, y=1 - 0.08 / size[1], ha="left", va="top", fontweight="bold")
    _draw_lanes(axes, sequence, rows)
    for row, arrow in enumerate(sequence.arrows):
        axes.text(
            -0.97,
            row,
            times(arrow, clock).replace(" \u2013 ", "\n\u2013 "),
            fontsize=_TIME_POINT,
            va="center",
            color="0.35",
        )
        (_draw_act if arrow.is_act else _draw_message)(axes, arrow, row)
    axes.text(-0.97, rows + 0.3, sequence.outcome, fontsize=_TEXT_POINT, va="center", fontstyle="italic")
    return drawn


def _draw_lanes(axes: Any, sequence: Course, rows: int) -> None:
    box = {"boxstyle": "round,pad=0.3", "facecolor": "#dfe9f1", "edgecolor": "#1b3a57", "linewidth": 0.8}
    for number, lane in enumerate(sequence.lanes):
        axes.plot([number, number], [-0.75, rows], color="0.7", linewidth=0.8, zorder=0)
        axes.text(number, -1.1, _wrapped(lane), fontsize=_TEXT_POINT, ha="center", va="center", bbox=box)


def _wrapped(lane: str) -> str:
    return fill(lane.replace("/", "/ ").replace("-", "- "), 16).replace("/ ", "/").replace("- ", "-")


def _draw_act(axes: Any, arrow: Arrow, row: int) -> None:
    box = {"boxstyle": "square,pad=0.25", "facecolor": "#f5ecd2", "edgecolor": "0.4", "linewidth": 0.7}
    axes.text(arrow.source, row, label(arrow), fontsize=_TEXT_POINT, ha="center", va="center", bbox=box, zorder=3)


def _draw_message(axes: Any, arrow: Arrow, row: int) -> None:
    colour, style = _COLOURS[arrow.fate], "-" if arrow.fate == OK else "--"
    start, end = float(arrow.source), float(arrow.target)
    if start == end:
        end = start + 0.45
    if arrow.fate in (LOST, REFUSED):
        end = start + 0.7 * (end - start)
    shape = {"arrowstyle": "-|>", "color": colour, "linestyle": style, "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", xy=(end, row + 0.18), xytext=(start, row + 0.18), arrowprops=shape, zorder=2)
    if arrow.fate in (LOST, REFUSED):
        axes.plot([end], [row + 0.18], marker="x", color=colour, markersize=6)
    background = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85}
    middle = (arrow.source + arrow.target) / 2 if arrow.source != arrow.target else arrow.source + 0.3
    axes.text(
        middle,
        row - 0.16,
        label(arrow),
        fontsize=_TEXT_POINT,
        ha="center",
        va="center",
        color=colour,
        bbox=background,
        zorder=3,
    )
