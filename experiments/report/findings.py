"""Sections of a report about what did not go its usual way: disturbances of grid and platforms, steps of use cases."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from experiments.kpis.facts import Facts
from experiments.plots import View
from experiments.report.page import Section, table
from experiments.scenario.fields import Moment

_MOST: Final = 40


def disturbances(view: View) -> Section:
    """What happened to the grid, and what the scenario had in store for platforms and parties."""
    frame = view.facts.all("events")
    rows = [(view.time_text(row["t_ms"]), row["text"]) for row in frame.table.to_pylist()] if frame else []
    scenario = view.facts.scenario
    planned = [line for event in scenario.get("events") or () for line in _planned(view, event)]
    planned += [line for fault in scenario.get("faults") or () for line in _faults(view, fault)]
    more = len(rows) - _MOST
    shown = [*rows[:_MOST], *([("", f"and {more} more in the table events")] if more > 0 else []), *planned]
    found = table(("when", "what"), shown) if shown else None
    return Section("disturbances", "Disturbances", found, "No outage, no switching, no platform down, no faulty party.")


def _planned(view: View, event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a scenario has in store for platforms and people; outages are in the run's own table."""
    if "platform_down" in event:
        yield _stretch(view, event), f"platform {event['platform_down']} is down"
    if "manual" in event:
        yield _stretch(view, event), f"{event['manual']:.0%} of the homes are in manual mode"
    if "withdraw" in event:
        yield _stretch(view, event), f"{event['withdraw']:.0%} of the homes take back their consent"


def _stretch(view: View, window: Mapping[str, Any]) -> str:
    """From when to when, in local time."""
    first_day = view.run.local(view.facts.start_ms).date()
    ends = [Moment.model_validate(window[key]) for key in ("from", "to") if window.get(key)]
    return " to ".join(f"{moment.local(first_day):%d %b %H:%M}" for moment in ends)


def _faults(view: View, fault: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a party of the scenario does wrong, and when."""
    party = fault.get("party")
    if party is None:  # an attack; it has a section of its own
        return
    if (times := fault.get("offers")) is not None:
        yield "throughout", f"{party} offers {times:.0%} of what its members could do"
    if (times := fault.get("inflates")) is not None:
        yield (
            "throughout",
            f"{party} declares {times:.0%} of what its members would take as their baseline where it bids",
        )
    if (share := fault.get("delivers")) is not None:
        yield "throughout", f"{party} passes on {share:.0%} of what it was ordered"
    if fault.get("silent"):
        yield _stretch(view, fault["silent"]), f"{party} sends and answers nothing"
    if share := fault.get("drop_acknowledgements"):
        yield "throughout", f"{share:.0%} of the acknowledgements of {party} get lost"


def _by_the_clock(view: View, text: str) -> str:
    """Instants in seconds of the world as local time."""
    return re.sub(r"\bat (\d+\.\d{3}) s\b", lambda found: f"at {view.time_text(round(1000 * float(found[1])))}", text)


def conformance(view: View) -> Section:
    """Steps of the use cases: made, late, broken, excused, not reached."""
    frame = view.facts.all("conformance")
    if frame is None:
        return Section("conformance", "Use-case steps", None, "The journal was not checked against the catalogue.")
    columns = [frame.names(c).tolist() for c in ("suc", "step", "verdict", "conversation", "detail")]
    rows = sorted(set(zip(*columns, strict=True)))
    verdicts = ("made", "late", "broken", "excused", "not_reached")
    counts = Counter((suc, verdict) for suc, _, verdict in {row[:3] for row in rows})
    sucs = sorted({row[0] for row in rows})
    head = ("use case", "made", "late", "broken", "excused", "not reached")
    summary = table(
        head, [(_named(suc), *(str(counts[suc, v]) for v in verdicts)) for suc in sucs], numbers=range(1, 6)
    )
    worst_first = ("broken", "late", "excused")
    alike: dict[tuple[str, ...], list[str]] = {}
    for suc, step, verdict, talk, why in sorted(
        rows, key=lambda row: (*worst_first, "not_reached", "made").index(row[2])
    ):
        if verdict in worst_first:
            alike.setdefault((verdict, suc, talk, _by_the_clock(view, why)), []).append(step)
        elif verdict == "not_reached":
            alike.setdefault(("not reached", suc, "", _not_begun(view.facts, suc, step)), []).append(step)
    shown = [(suc, ", ".join(steps), verdict, talk, why) for (verdict, suc, talk, why), steps in alike.items()]
    details = table(("use case", "steps", "verdict", "conversation", "why"), shown[:_MOST]) if shown else ""
    more = len(shown) - _MOST
    rest = f'<p class="soft">and {more} more: <code>coflex usecases --run</code> lists all</p>' if more > 0 else ""
    return Section("conformance", "Use-case steps", summary + details + rest)


def _named(suc: str) -> str:
    """A use case with its title, where the catalogue has it."""
    from experiments.usecases import ids, usecase

    return f"{suc} {usecase(suc).name}" if suc in ids() else suc


def _not_begun(facts: Facts, suc: str, step: str) -> str:
    """Why a step was not reached: its scenario was never begun, or its conversations ended before it."""
    from experiments.usecases import usecase

    of = next((one for one in usecase(suc).scenarios if any(own.id == step for own in one.steps)), None)
    talks = facts.all("conversations")
    if of is None or talks is None:
        return ""
    begun = ((talks.names("suc") == suc) & (talks.names("scenario") == of.id)).any()
    return "its conversations ended before" if begun else f"no conversation began scenario {of.id}, {of.name}"
