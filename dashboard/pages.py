"""The questions that can be asked of runs, in the order of the bar at the top; each page is loaded when it is first shown."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Final

from dashboard.shown import Shown

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
    "Conversations": "page_talks",
    "Use cases": "page_cases",
    "Files": "page_files",
}
"""Name at the top -> module."""


def page(name: str) -> Page:
    """What shows a page."""
    found: Page = import_module(f"dashboard.{PAGES[name]}").show
    return found
