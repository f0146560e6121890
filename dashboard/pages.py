"""The questions that can be asked of runs, in the order of the bar at the top; each page is loaded when it is first shown."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Final

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
    "Conversations": "page_talks",
    "Use cases": "page_cases",
    "Files": "page_files",
}
"""Name at the top -> module."""


_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "Market": ("bids", "activations", "needs", "community_flexibility"),
    "Communities": ("community_members", "community_settlements"),
    "Lights": ("dynamic_lights", "perimeter_limits", "static_lights"),
    "Balancing": ("reserve_auctions", "reserve_deliveries"),
}
"""Pages that only some kinds of runs fill: any of these tables must have a row."""


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
    """What shows a page."""
    found: Page = import_module(f"dashboard.{PAGES[name]}").show
    return found
