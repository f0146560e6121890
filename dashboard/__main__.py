"""Serves the dashboard: ``python -m dashboard DIR`` and options of ``streamlit run``; ``coflex dashboard`` calls it."""

import os
import sys
import time
from importlib import import_module
from pathlib import Path
from threading import Thread

from dashboard.shelf import FOLDER_VARIABLE

_FIRST = ("dashboard.shell", "dashboard.page_whatif")
_NEXT = (
    "dashboard.page_answer", "dashboard.page_figures", "pandas", "altair", "duckdb", "dashboard.page_grid", "dashboard.page_market", "dashboard.page_money",
)  # fmt: skip
_PATIENCE_S = 15.0
_FETCHED_S = 1.5
"""After a first view its browser fetches what it needs to draw it: some hundred small files, each of which would wait for what is loaded meanwhile."""
_TURN_S = 0.0005
"""A thread that serves takes over from one that loads modules after so long, not after ten times as much: each of those files takes several turns."""


def _warm() -> None:
    """Load what the first page needs while the server starts, and the rest when somebody has seen it, so that nobody waits for it."""
    for name in _FIRST:
        import_module(name)
    from dashboard import background, standing

    if background.first_view.wait(_PATIENCE_S):
        time.sleep(_FETCHED_S)
    for name in _NEXT:
        import_module(name)
    standing.warm()


def main() -> None:
    """Run the server until it is interrupted."""
    from streamlit.web.cli import main as streamlit

    sys.setswitchinterval(_TURN_S)
    os.environ.setdefault(
        "PYDANTIC_DISABLE_PLUGINS", "__all__"
    )  # there are none; to look for them takes a tenth of a second
    Thread(target=_warm, daemon=True).start()
    folder, *options = sys.argv[1:] or ["runs"]
    os.environ[FOLDER_VARIABLE] = folder
    sys.argv = ["streamlit", "run", str(Path(__file__).with_name("app.py")), *options]
    streamlit()


if __name__ == "__main__":
    main()
