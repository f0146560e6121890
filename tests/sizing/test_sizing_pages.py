"""A sizing study in the dashboard: it is listed, opens, and says what each business model comes to."""

from pathlib import Path

import pytest

from dashboard.page_sizing import course, models
from dashboard.pages import offered
from dashboard.shelf import opened, scenario_text
from dashboard.shown import Shown

APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"
PAGES = ["What if", "Sizing", "Conversations", "Use cases", "Files"]


@pytest.fixture(scope="module")
def study(small_run):
    return opened(small_run.out)


def test_each_page_that_is_offered_shows_a_sizing_study(study, monkeypatch):
    from streamlit.testing.v1 import AppTest

    from dashboard import charts

    monkeypatch.setattr(charts._Styled, "check", True)
    monkeypatch.setenv("COFLEX_DASHBOARD", str(study.path.parent))
    assert offered([Shown("study", "#000000", study)], None) == PAGES
    for title in [*PAGES, "Answer"]:
        app = AppTest.from_file(str(APP), default_timeout=60)
        app.session_state["runs"] = [str(study.path)]
        app.session_state["page"] = title
        app.run()
        assert not app.exception, (title, app.exception)
        assert not app.error, (title, [one.value for one in app.error])
        told = "\n".join(one.proto.body for one in app.get("html"))
        if title == "Sizing":
            assert all(name in told for name in models(study))
            assert "Net present value" in told
        if title == "Files":
            assert "coflex size run.yaml --seed 3" in told
        if title == "Answer":
            assert "is a sizing study" in told


def test_a_day_of_a_site_ends_at_the_net_load_at_its_meter(study):
    """Load less what is given, over every hour, is the net load of the study's own transactions."""
    model = models(study)[0]
    sizes = study.table("sizes").to_pylist()
    site = next(row["site"] for row in sizes if row["model"] == model)
    net = course(study, model, site, 0)
    net = net[net["hour"] < 24].groupby("hour")["kw"].sum()
    told = {
        row["position"]: row["net_kw"]
        for row in study.table("transactions").to_pylist()
        if row["model"] == model and row["site"] == site
    }
    assert [told[hour] for hour in range(24)] == pytest.approx(net.tolist(), abs=1e-6)


def test_its_scenario_says_how_to_make_it_again(study):
    assert "coflex size THIS-FILE --seed 3" in scenario_text(study.meta)
