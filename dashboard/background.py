"""The runs of this server, which outlive the page that started them."""

from pathlib import Path
from typing import Final

import streamlit as st

from dashboard import shelf
from dashboard.jobs import Jobs

AWAITED: Final = "awaited"
"""Where a page keeps the runs that it has started and will show when they end."""


@st.cache_resource
def jobs() -> Jobs:
    """The runs that this server has started; they go on when a browser tab is closed."""
    return Jobs()


def runs_folder() -> Path:
    """Where new runs go."""
    return shelf.home_of(shelf.given_folder())
