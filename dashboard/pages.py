"""The questions that can be asked of runs, in the order of the bar at the top; each page is loaded when it is first shown."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Final

import streamlit as st

from dashboard.look import soft
from dashboard.reading import has
from dashboard.shown import Shown
from experiments.results import Run
from experiments.results.schema import ResultsError

Page = Callable[[Sequence[Shown]], None]

WHAT_IF: Final = "What if"
ANSWER: Final = "Answer"
PAGES: Final[Mapping[str, str]] = {
    WHAT_IF: "page_whatif",
    ANSWER: "page_answer",
    "Figures": "page_figures",
    "Grid": "page_grid",
    "Homes": "page_homes",
    "Market": "page_market",
    "Money": "page_money",
    "Communities": "page_community",
    "Lights": "page_lights",
    "Balancing": "page_balancing",
    "Heaters": "page_heaters",
    "Service": "page_service",
    "Sizing": "page_sizing",
    "Conversations": "page_talks",
    "Use cases": "page_cases",
    "Files": "page_files",
}
"""Name at the top -> module."""


_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    ANSWER: ("figures",),
    "Figures": ("figures",),
    "Grid": ("grid_branches", "grid_buses"),
    "Homes": ("devices",),
    "Money": ("ledger",),
    "Market": ("bids", "activations", "needs", "community_flexibility"),
    "Communities": ("community_members", "community_settlements"),
    "Lights": ("dynamic_lights", "perimeter_limits", "static_lights"),
    "Balancing": ("reserve_auctions", "reserve_deliveries"),
    "Heaters": ("retrofits",),
    "Service": ("resolves",),
    "Sizing": ("study_indicators",),
}
"""Pages that only some kinds of runs fill: any of these tables must have a row."""
_OF_RUNS: Final = (
    ANSWER,
    "Figures",
    "Grid",
    "Homes",
    "Market",
    "Money",
    "Communities",
    "Lights",
    "Balancing",
    "Heaters",
    "Service",
)
"""Pages that read what a simulated day leaves behind."""


def offered(shown: Sequence[Shown], now: str | None) -> list[str]:
    """The pages that say something about the runs that are looked at, and the one that is open; without runs the first."""
    runs = [one.run for one in shown]
    return [
        name
        for name in PAGES
        if name in (now, WHAT_IF) or (runs and (name not in _NEEDS or any(_fills(run, name) for run in runs)))
    ]


def _fills(run: Run, name: str) -> bool:
    """Whether a run has something for a page; a table that cannot be read is said on the page itself."""
    try:
        return any(has(run, table) for table in _NEEDS[name])
    except ResultsError:
        return True


def page(name: str) -> Page:
    """What shows a page; of sizing studies, which are no runs, the pages that can."""
    found: Page = import_module(f"dashboard.{PAGES[name]}").show
    if name not in _OF_RUNS:
        return found

    def of_runs(shown: Sequence[Shown]) -> None:
        runs = [one for one in shown if not one.is_study]
        for one in shown:
            if one.is_study:
                st.html(soft(f"{one.name} is a sizing study. What came of it stands under Sizing."))
        if runs:
            found(runs)

    return of_runs
