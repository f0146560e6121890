"""Somebody who does not program asks "what if" in a browser: a scenario, a change, a run in the background, and what came of it."""

import os
import signal
import socket
import subprocess
import time
import urllib.request

import pytest
import yaml

from dashboard.shelf import scenario_text
from experiments.results import open_run
from tests.experiments import synthetic_run
from tests.journeys.browser import CHROMIUM, Browser
from tests.journeys.test_command_journeys import COFLEX, ROOT

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed here, so no page can be looked at")

ERRORS = "document.querySelectorAll('[data-testid=stException], [data-testid=stAlertContentError]').length"
DRAWN = "document.querySelectorAll('[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg').length"


@pytest.fixture(scope="module")
def folder(tmp_path_factory, small):
    """A folder with one run, and beside it a scenario file of twelve homes."""
    place = tmp_path_factory.mktemp("dashboard")
    synthetic_run.write(place / "runs" / "first")
    content = small.content(homes=12, clock__history_days=2) | {"title": "Twelve homes of mine"}
    (place / "mine.yaml").write_text(yaml.safe_dump(content))
    return place


@pytest.fixture(scope="module")
def address(folder):
    """Where the dashboard is served."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    words = [*COFLEX, "dashboard", str(folder / "runs"), "--port", str(port), "--no-browser"]
    log = (folder / "server.log").open("wb")
    server = subprocess.Popen(words, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=log)
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://localhost:{port}/_stcore/health", timeout=5).close()
            break
        except OSError:
            assert server.poll() is None, (folder / "server.log").read_text()
            time.sleep(0.1)
    yield f"http://localhost:{port}/"
    server.send_signal(signal.SIGINT)
    server.wait(30)
    log.close()


@pytest.fixture
def page(tmp_path, address):
    with Browser(tmp_path) as browser:
        browser.open(address)
        browser.wait_text("Your run", 120)
        browser.settle()
        yield browser


def look_at(page, name, says, tmp_path, charts=0):
    """Go to a page: it says what it should, without errors, its charts are drawn, and it is a picture of something."""
    page.click(name, inside="[data-testid=stMain] button")
    page.wait_text(says, 120)
    page.settle()
    assert page.script(ERRORS) == 0, page.text()
    page.wait(f"{DRAWN} >= {charts}")
    picture = page.picture(tmp_path / f"{name}.png")
    assert picture.stat().st_size > 25_000, name  # an empty page has some ten thousand


def test_what_if_from_the_question_to_the_answer(page, folder, tmp_path):
    page.click("of my own")
    page.wait("document.querySelector('input[aria-label=\"Path of the scenario file\"]')")
    page.write("Path of the scenario file", str(folder / "mine.yaml"))
    page.wait_text("Homes and devices")
    page.click("Homes and devices", inside="[role=tab], button")
    page.settle()
    page.write("Number of homes", "10")
    page.wait_text("Number of homes: 12")
    page.click("Run", inside="[data-testid=stMain] button")
    page.wait_text("Runs in the background", 60)
    page.wait_text("All others are compared with this run", 300)  # it and the unchanged scenario are there
    page.wait_text("Figure by figure")
    page.settle()
    assert (folder / "runs" / "mine-unchanged-1-1" / "run.json").is_file()
    told = page.text()
    assert "Number of homes: 12 → 10" in told
    look_at(page, "Files", "The same again", tmp_path)
    changed = open_run(folder / "runs" / "small-1-1")
    again = folder / "again.yaml"
    again.write_text(scenario_text(changed.meta))  # what the button gives
    command = [*COFLEX, "run", str(again), "--seed", "1", "--out", str(folder / "again")]
    subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True, capture_output=True)
    assert open_run(folder / "again").meta["digest"] == changed.meta["digest"]
    assert changed.meta["digest"] in page.text()
    look_at(page, "Grid", "Loading", tmp_path, charts=4)
    look_at(page, "Conversations", "Message by message", tmp_path)


def test_a_run_is_looked_at_by_its_address_and_another_is_cancelled(page, folder, tmp_path):
    page.open(page.script("location.href").split("?")[0] + "?runs=first")
    page.wait_text("Your run")
    page.settle()
    page.click("Run", inside="[data-testid=stMain] button")
    page.wait_text("Cancel", 60)
    page.click("Cancel")
    page.wait_text("cancelled, nothing was written", 60)
    assert not list((folder / "runs").glob("*district*"))
    assert not list((folder / "runs").glob(".*"))
    look_at(page, "Market", "Activation against the baseline", tmp_path, charts=3)


def test_a_port_that_is_taken_and_a_folder_that_is_none_are_refused_at_once(address, tmp_path):
    port = address.rsplit(":", 1)[1].strip("/")
    done = subprocess.run(
        [*COFLEX, "dashboard", "--port", port],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert f"port {port} is in use" in done.stderr
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [*COFLEX, "dashboard", "file"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "file is a file" in done.stderr
