"""The answer says what was changed, what came of it and why, in words that follow from the figures."""

import pytest

from dashboard import answers
from dashboard.differences import differences
from dashboard.trouble import kinds, platforms
from experiments.figures import catalogue
from experiments.scenario import load_scenario
from tests.dashboard.conftest import command, html


def meta(name, *sets):
    return {"scenario": load_scenario(name, sets).as_data(), "seed": 1, "digest": "x"}


@pytest.mark.parametrize(
    ("name", "sets", "told"),
    [
        ("district-day", ["people.0.devices.ev=0.8"], [("Homes with an electric vehicle", "60%", "80%")]),
        ("district-day", ["rules.settlement.penalty_eur_per_kwh=0.4"], [("Penalty for what is not delivered (EUR/kWh)", "0", "0.4")]),
        ("district-day", ['events=[{"from":"17:00","to":"19:00","platform_down":"gdbn"}]'],
         [("Added", "", "down: the DSO's platform (GDBN), 17:00 to 19:00")]),
        ("district-outage", ["events=[]"], [("No longer", "out of service: line MV cable 2, 07:00 to 23:00", "")]),
        ("district-day", ['platforms.gdbn.delay_s={"uniform": [10, 20]}', 'platforms.market.delay_s={"uniform": [10, 20]}'],
         [("Typical delay of a message (s)", "1.5", "15")]),
        ("traffic-light-day", [f"global_market.bsps.{number}.margin_percent=20" for number in range(3)],
         [("What providers add to prices of homes (%)", "10", "20")]),
        ("traffic-light-day", ["people.1.devices.ev=0.8"], [("Homes with an electric vehicle (sud)", "40%", "80%")]),
        ("tso-balancing", [f"balancing.{one}.penalty=2" for one in ("fcr", "afrr", "mfrr")], [("Penalty for missing power (times the price)", "1", "2")]),
        ("district-day", ["grid.scada.period_s=600"], [("grid.scada.period_s", "300", "600")]),
    ],
)  # fmt: skip
def test_what_differs_between_scenarios_is_said_once_in_the_words_of_its_control(name, sets, told):
    assert differences(meta(name), meta(name, *sets)) == told


def test_of_other_scenarios_whole_parts_are_told_in_a_word():
    told = differences(meta("district-day"), meta("heaters-retrofit"))
    assert ("heaters", "", "given") in told
    assert ("actors.fsps", "2", "none") in told
    assert not [one for one in told if "{" in "".join(one)]


def test_nothing_differs_from_itself():
    assert differences(meta("community-day"), meta("community-day")) == []


def test_effects_are_those_that_moved_with_better_and_worse_by_the_catalogue():
    first = {
        "overload_hours": 4.0,
        "peak_loading_percent": 129.0,
        "flexibility_cost_eur": 3.0,
        "comfort_violation_degree_h": 100.0,
    }
    other = first | {"overload_hours": 1.0, "peak_loading_percent": 140.0, "comfort_violation_degree_h": 100.5}
    told = {one.text: one.mark for one in answers.effects(first, other)}
    assert told == {
        "Peak loading of any branch: 140.0 % instead of 129.0 % (+11.0 points)": "worse",
        "Hours with an overload: 1.00 h instead of 4.00 h (-75 %)": "better",
    }
    assert answers.effects(first, first) == []


def test_reasons_go_from_the_cause_on_and_take_the_twin_where_they_speak_of_it():
    first, other = (
        {"flexibility_needed_kwh": 100.0, "messages_lost": 0.0},
        {"flexibility_needed_kwh": 150.0, "messages_lost": 7.0},
    )
    told = answers.reasons(first, other, {"peak_loading_percent": 120.0}, {"peak_loading_percent": 130.0})
    assert [one.text for one in told] == [
        "Without coordination the grid would be loaded up to 130.0 % instead of 120.0 % (+10.0 points).",
        "The DSO foresees a need of 150 kWh instead of 100 kWh (+50 %).",
        "Messages lost are 7 messages instead of 0 messages.",
    ]


def test_amounts_below_zero_say_what_that_means_and_hundreds_have_no_fractions():
    told = [one.text for one in answers.amounts({"services_paid_eur": -142.01, "overload_kwh": 99.994}, ["services_paid_eur", "overload_kwh"])]  # fmt: skip
    assert told[0].startswith("Paid for delivered services: -142 EUR (below zero: providers pay")
    assert told[1] == "Energy above the limit: 99.99 kWh"


def test_of_a_run_by_itself_what_is_nothing_comes_last():
    values = {"overload_hours": 0.0, "community_saved_percent": 46.1, "peak_loading_percent": 38.9}
    told = [one.text for one in answers.amounts(values, answers.telling(values))]
    assert [text.partition(":")[0] for text in told] == [
        catalogue()[key].title for key in ("peak_loading_percent", "community_saved_percent", "overload_hours")
    ]


def test_a_need_that_communities_cover_is_not_said_to_stay_open():
    values = {"flexibility_needed_kwh": 90.0, "unmet_need_kwh": 90.0}
    leads = [one.text for one in answers.chain(values, {})]
    assert any("stays open" in text for text in leads)
    assert not any(
        "stays open" in one.text for one in answers.chain(values | {"community_flexibility_ordered_kwh": 60.0}, {})
    )


def test_every_figure_that_the_answer_speaks_of_is_in_the_catalogue():
    assert {*answers.EFFECTS, *(one.figure for one in answers.CHAIN)} <= set(catalogue())
    assert all(catalogue()[one.figure].twin for one in answers.CHAIN if one.twin)


def test_the_page_answers_for_one_run_and_for_several(page, shelf):
    app = page(page="Answer", runs=[str(shelf / "first")])
    assert "What coordination changes" in html(app)
    app = page(page="Answer", runs=[str(shelf / "first"), str(shelf / "second")])
    shown = html(app)
    assert "The scenario is the same." in shown
    assert "They also differ in their seed" in shown
    assert "difference" in shown


@pytest.mark.parametrize(
    ("name", "channels", "events"),
    [
        ("district-day", ["gdbn", "market", "direct", "meters"], 4),
        ("traffic-light-day", ["cbp", "direct", "meters"], 4),
        ("tso-balancing", ["market", "direct", "meters"], 4),
        ("heaters-retrofit", ["direct", "meters"], 4),
        ("homes-flex", ["direct", "meters"], 3),
    ],
)
def test_only_what_is_there_can_go_wrong(name, channels, events):
    from dashboard.controls import parts_of
    from dashboard.scenarios import base_of

    parts = parts_of(base_of(name).content)
    assert platforms(parts) == channels
    assert len(kinds(parts)) == events


def test_what_goes_wrong_stands_in_the_command(page):
    app = page()
    next(one for one in app.toggle if one.label == "A platform is down").set_value(True).run()
    assert not app.exception
    assert "the DSO&#x27;s platform" in html(app)
    assert '"platform_down": "gdbn"' in command(app)
    next(one for one in app.toggle if one.label == "A provider does not do what it should").set_value(True).run()
    assert '"delivers": 0.6' in command(app)
