"""The runs of this server, which outlive the page that started them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Final

import streamlit as st

from dashboard import shelf
from dashboard.jobs import Jobs

AWAITED: Final = "awaited"
"""Where a page keeps the runs that it has started and will show when they end: folder -> folder of the unchanged scenario, or nothing."""
SHOW: Final = "show"
"""Where a page says which runs to look at next."""


first_view: Final = Event()
"""Set when somebody has seen a page: what else the server loads beforehand waits for it, not to be in its way."""


@st.cache_resource
def jobs() -> Jobs:
    """The runs that this server has started; they go on when a browser tab is closed."""
    return Jobs()


def runs_folder() -> Path:
    """Where new runs go."""
    return shelf.home_of(shelf.given_folder())


def next_shown(ended: str, now: Sequence[str], unchanged: Mapping[str, str], most: int) -> list[str]:
    """Which runs to look at when one has ended: with the unchanged scenario it came from at the left, and others of it that are looked at.

    Args:
        ended: folder of the run that has ended.
        now: those that are looked at.
        unchanged: changed run -> run of the unchanged scenario.
        most: so many at most.
    """
    reference = unchanged.get(ended) or (ended if ended in unchanged.values() else "")
    if not reference:
        return [*(path for path in now if path != ended), ended][-most:]
    family = [path for path in now if unchanged.get(path) == reference and path != ended]
    others = [*family, *([ended] if ended != reference else [])]
    return [reference, *others[-(most - 1) :]]
