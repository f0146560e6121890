"""The questions that can be asked of runs, in the order of the bar at the top."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from dashboard import page_figures, page_whatif
from dashboard.shell import WHAT_IF, Shown

Page = Callable[[Sequence[Shown]], None]

PAGES: Final[Mapping[str, Page]] = {
    WHAT_IF: page_whatif.show,
    "Figures": page_figures.show,
}
