"""Serves the dashboard: ``python -m dashboard DIR`` and options of ``streamlit run``; ``coflex dashboard`` calls it."""

import os
import sys
from importlib import import_module
from pathlib import Path
from threading import Thread

from dashboard.shelf import FOLDER_VARIABLE

_FIRST = (
    "dashboard.shell",
    "dashboard.page_whatif",
    "dashboard.page_figures",
    "pyarrow.dataset",
    "pandas",
    "altair",
    "duckdb",
    "dashboard.page_market",
    "dashboard.page_money",
)


def _warm() -> None:
    """Load what the first page needs while the server starts, so that whoever opens it does not wait for it."""
    for name in _FIRST:
        import_module(name)


def main() -> None:
    """Run the server until it is interrupted."""
    from streamlit.web.cli import main as streamlit

    Thread(target=_warm, daemon=True).start()
    folder, *options = sys.argv[1:] or ["runs"]
    os.environ[FOLDER_VARIABLE] = folder
    sys.argv = ["streamlit", "run", str(Path(__file__).with_name("app.py")), *options]
    streamlit()


if __name__ == "__main__":
    main()
