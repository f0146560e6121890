"""Runs that the dashboard's tests look at: synthetic ones, written without a simulation, and a page that shows them."""

import re
from html import unescape
from pathlib import Path

import pytest

from tests.experiments import synthetic_run

APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """A folder with two synthetic runs, a sizing study, a broken one and what is none."""
    folder = tmp_path_factory.mktemp("runs")
    synthetic_run.write(folder / "first")
    synthetic_run.write(folder / "second", seed=8)
    (folder / "broken").mkdir()
    (folder / "broken" / "run.json").write_text('{"format": 99}')
    (folder / "no-run").mkdir()
    return folder


@pytest.fixture
def page(shelf, monkeypatch):
    """The dashboard on that folder, as a person first meets it; ``page(...)`` opens it on another."""
    from streamlit.testing.v1 import AppTest

    from dashboard import charts

    monkeypatch.setattr(charts._Styled, "check", True)  # charts must be what their schema says

    def opened(folder=shelf, **state):
        monkeypatch.setenv("COFLEX_DASHBOARD", str(folder))
        app = AppTest.from_file(str(APP), default_timeout=60)
        for key, value in state.items():
            app.session_state[key] = value
        app.run()
        assert not app.exception, app.exception
        return app

    return opened


def html(app):
    """All HTML of a page as one text."""
    return "\n".join(one.proto.body for one in app.get("html"))


def command(app):
    """The command that a page shows."""
    return unescape(re.search(r'<pre class="cf-command">(.*?)</pre>', html(app), re.DOTALL)[1])
