"""How long somebody waits for the dashboard: from the command to the first page, to the first diagram, and from run to run.

``python tools/time_dashboard.py RUNS`` serves a folder of runs anew, looks at it in chromium without a window, and prints a table. Seconds are those on the clock
until the page has nothing more to say and every chart is drawn; beside them stands the processor time of the server. It lives here and not with the other
benchmarks, since the driver of the browser is the tests'.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.journeys.browser import Browser  # noqa: E402

BUSY = (
    "document.querySelector('[data-testid=stStatusWidget], [data-stale=true], [data-testid=stSkeleton], [data-testid=stSpinner]') || "
    "[...document.querySelectorAll('[data-testid=stVegaLiteChart]')].some(one => !one.querySelector('canvas, svg'))"
)
QUIET_S = 0.6
"""A page that has been still for so long is settled; it counts from when it became still."""


@contextmanager
def served(folder: Path) -> Iterator[tuple[int, int, float]]:
    """The dashboard of a folder: port, process, and when the command was given."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    begun = time.perf_counter()
    words = [
        str(Path(sys.executable).with_name("coflex")),
        "dashboard",
        str(folder),
        "--port",
        str(port),
        "--no-browser",
    ]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            with suppress(OSError), urllib.request.urlopen(f"http://localhost:{port}/_stcore/health", timeout=5):
                break
            time.sleep(0.02)
        yield port, server.pid, begun
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)


def processor_s(process: int) -> float:
    """Processor time of a process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def still(page: Browser, says: str, since: float, seconds: float = 120.0) -> float:
    """Seconds on the clock from an instant until a page says something and is still."""
    quiet = None
    while time.perf_counter() - since < seconds:
        now = time.perf_counter()
        found = page.script(
            f"Boolean(document.body && document.body.innerText.includes({json.dumps(says)}) && !({BUSY}))"
        )
        quiet = (quiet or now) if found else None
        if quiet is not None and now - quiet > QUIET_S:
            return quiet - since
        time.sleep(0.03)
    message = f"no page that says {says!r} was still within {seconds} s: {page.text()[:500]}"
    raise TimeoutError(message)


def main() -> None:
    """Print the table."""
    read = argparse.ArgumentParser(description=__doc__)
    read.add_argument("runs", type=Path, help="folder of runs")
    read.add_argument("--run", required=True, help="name of the run to look at")
    read.add_argument("--to", help="name of the run to switch to")
    read.add_argument("--pages", nargs="*", default=["Grid:Loading", "Answer:What came of it", "Figures:All figures", "Homes:tariff", "Money:Who pays whom"],
                      help="pages to open one after the other, each as NAME:WHAT IT SAYS")  # fmt: skip
    given = read.parse_args()
    pages = [name.partition(":")[::2] for name in given.pages]
    with (
        tempfile.TemporaryDirectory() as place,
        Browser(Path(place), 1300, 900) as page,
        served(given.runs) as (port, server, command),
    ):
        opened = time.perf_counter()
        page.open(f"http://localhost:{port}/?runs={given.run}")
        first = still(page, "Your run", opened)
        told("the command to the first page", first + opened - command, processor_s(server))
        told("the address to the first page", first, processor_s(server))
        for again in ("", " again"):
            for title, says in pages:
                told(f"{title}{again}", *timed(page, server, title, says))
        for title, says in pages if given.to else ():
            timed(page, server, title, says)
            told(f"{title}, beside it {given.to}", *taken(page, server, given.to, says, True))
            told(f"{title}, {given.to} alone", *taken(page, server, given.run, says, False))
            told(f"{title}, beside it {given.run} again", *taken(page, server, given.run, says, True))
            told(f"{title}, {given.run} alone", *taken(page, server, given.to, says, False))


def told(what: str, clock_s: float, server_s: float) -> None:
    """Print a line."""
    sys.stdout.write(f"{what:44} {clock_s:6.2f} s on the clock {server_s:6.2f} s of the server\n")
    sys.stdout.flush()


def timed(page: Browser, server: int, title: str, says: str) -> tuple[float, float]:
    """Open a page: seconds on the clock and of the server."""
    before, since = processor_s(server), time.perf_counter()
    page.click(title, inside="[data-testid=stMain] button")
    took = still(page, says, since)
    return took, processor_s(server) - before


def taken(page: Browser, server: int, run: str, says: str, there: bool) -> tuple[float, float]:
    """Look at a run too, or no more: seconds on the clock and of the server."""
    chosen = "[data-testid=stSidebar] [data-testid=stMultiSelect]"
    if there:
        page.script(f"document.querySelector('{chosen} input').focus()")
        page.press("ArrowDown")
        page.wait("document.querySelector('[role=option]')")
        page._call("Input.insertText", text=run)
        page.wait("document.querySelectorAll('[role=option]').length < 5")
    before, since = processor_s(server), time.perf_counter()
    if there:
        page.click(run, inside="[role=option]")
    else:
        page.script(
            f"document.querySelector('{chosen} .react-aria-ComboBox button[aria-label=\"Remove {run}\"]').click()"
        )
    head = f"[...document.querySelectorAll('[data-testid=stSidebar] .cf-run')].some(one => one.innerText.trim().split(/\\s/)[0] === '{run}')"
    page.wait(head if there else f"!{head}", 60)
    took = still(page, says, since)
    return took, processor_s(server) - before


if __name__ == "__main__":
    main()
