"""Every page with a run of every kind: it shows something, without an error."""

import pytest

from dashboard.page_heaters import savings
from dashboard.pages import PAGES, offered
from dashboard.shelf import opened
from dashboard.shown import Shown
from experiments.figures import stored_figures
from tests.dashboard.conftest import html

KINDS = {
    "district-day": {"Market"},
    "community-day": {"Market", "Communities"},
    "heaters-retrofit": {"Heaters"},
    "homes-flex": {"Service"},
    "traffic-light-day": {"Lights"},
    "tso-balancing": {"Balancing"},
}
"""Scenario -> pages that only some kinds fill."""
SOME = {"Market", "Communities", "Lights", "Balancing", "Heaters", "Service"}


@pytest.mark.parametrize("name", KINDS)
def test_every_page_that_is_offered_shows_a_run_of_this_kind(name, run_of, page, monkeypatch):
    from dashboard import charts

    folder = run_of(name).out
    pages = offered([Shown(folder.name, "#000000", opened(folder))], None)
    assert set(pages) & SOME == KINDS[name]
    assert set(pages) | SOME == set(PAGES) - {"Sizing"}
    app = page(folder=folder, page="Answer", runs=[str(folder)])
    for title in pages[1:]:
        monkeypatch.setattr(
            charts._Styled, "check", title in SOME
        )  # what is the same for all kinds is checked once, with synthetic runs
        app.session_state["page"] = title
        app.run()
        assert not app.exception, (title, app.exception)
        assert not app.error, (title, [one.value for one in app.error])
        assert len(html(app)) > 400, title


def test_what_a_run_lacks_is_said_in_its_place(shelf, page):
    for title, text in (
        ("Lights", "no operator gave traffic lights"), ("Balancing", "nobody sold balancing services"), ("Heaters", "no water heater was retrofitted"),
        ("Service", "no service controlled devices"), ("Sizing", "is no sizing study"),
    ):  # fmt: skip
        assert text in html(page(page=title, runs=[str(shelf / "first")]))


def test_savings_of_water_heaters_are_those_of_the_figures(run_of):
    run = opened(run_of("heaters-retrofit").out)
    figures, last = stored_figures(run), savings(run).iloc[-1]
    assert last["services"] == "all"
    for column, figure in (
        ("saved_kwh", "heater_saved_kwh"), ("saved_percent", "heater_saved_percent"), ("most_percent", "heater_bound_percent"), ("cold", "heater_cold_draws"),
        ("twin_cold", "heater_twin_cold_draws"), ("saved_eur", "heater_cost_saved_eur"), ("tank_days", "heater_days_controlled"),
    ):  # fmt: skip
        assert last[column] == pytest.approx(figures[figure], abs=1e-9), column
