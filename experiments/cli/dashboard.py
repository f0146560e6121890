"""The command that opens the dashboard. It is a program of its own above this layer: started by its file, never imported."""

import os
import socket
import sys
from importlib.util import find_spec
from pathlib import Path

from experiments.cli.run import check_place
from experiments.errors import CoflexError

_LOOK = {
    "theme.base": "light", "theme.primaryColor": "#0072B2", "theme.backgroundColor": "#ffffff",
    "theme.secondaryBackgroundColor": "#f3f6f9", "theme.textColor": "#1a1a1a", "theme.font": "sans-serif",
}  # fmt: skip


def serve_dashboard(folder: Path, *, port: int, browser: bool) -> None:
    """Serve the dashboard on this machine alone until it is interrupted.

    Args:
        folder: a folder of runs (made when a run is started), or one run folder.
        port: of the page.
        browser: whether to open one.

    Raises:
        CoflexError: the folder is a file, the port is taken, or streamlit is not installed.
    """
    if folder.exists() and not folder.is_dir():
        msg = f"{folder} is a file; give a folder of runs, or one run folder"
        raise CoflexError(msg)
    check_place(folder)
    if find_spec("streamlit") is None:
        msg = "the dashboard needs streamlit, which is not installed"
        raise CoflexError(msg)
    _check_port(port)
    words = dashboard_command(folder, port, browser=browser)
    os.execv(words[0], words)  # in place of this process, so that whatever ends it ends the server


def dashboard_command(folder: Path, port: int, *, browser: bool) -> list[str]:
    """The words of the program that serves the dashboard."""
    options = {
        **_LOOK,
        "server.port": port, "server.address": "localhost", "server.headless": str(not browser).lower(),
        "server.fileWatcherType": "none", "browser.gatherUsageStats": "false", "client.toolbarMode": "minimal",
    }  # fmt: skip
    return [
        sys.executable,
        "-m",
        "dashboard",
        str(folder.absolute()),
        *(f"--{key}={value}" for key, value in options.items()),
    ]


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        if probe.connect_ex(("localhost", port)) == 0:
            msg = f"port {port} is in use; choose another, for example --port {port + 1}"
            raise CoflexError(msg)
