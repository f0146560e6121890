"""The day of a run under every coordination scheme: what the session itself did is found again; the page."""

import json

import numpy as np
import pyarrow as pa
import pytest

from experiments.errors import CoflexError
from experiments.scenario.library import RULES
from experiments.schemes import compared_situation, comparison_text
from experiments.schemes_report import write_schemes_page
from experiments.schemes_run import NEEDED, days_of
from tests.agents.conftest import Stage
from tests.agents.global_market_cases import ALL, Setting, lit, offered, play

SUPPLY = {
    "bsp-1": {"up": offered([50, 40, 0, 0], 0.002), "down": offered([10, 10, 0, 0], 0.001)},
    "bsp-2": {"up": offered([60, 0, 30, 0], 0.004)},
    "bsp-3": {"up": offered([20, 0, 0, 60], 0.006)},
}


def tables_of(there):
    """Registers of all parties as tables."""
    found = {}
    for party in there.parties.values():
        for name, register in party.registers.items():
            if name in NEEDED and len(register):
                found.setdefault(name, []).append(
                    pa.table({key: pa.array(list(column)) for key, column in register.columns().items()})
                )
    return {name: pa.concat_tables(parts) for name, parts in found.items()}


def held(scheme):
    need = np.zeros((2, 24))
    need[0] = 20.0
    said = Setting(
        supply=SUPPLY,
        lights={ALL[0]: lit(1, 30.0)},
        plans={ALL[0]: (need, ("UVA-bsp-1",))},
        needed_kw=100.0,
        scheme=scheme,
    )
    return play(Stage, said, until_h=18.0)


@pytest.fixture(scope="module")
def lit_day():
    return held("central-with-traffic-light")


@pytest.fixture(scope="module")
def comparison(lit_day):
    (day,) = days_of(tables_of(lit_day), "here")
    return compared_situation(day.case, unmet_eur_per_kwh=3.0, offer_of_bid=day.offer_of_bid)


@pytest.mark.parametrize("scheme", ["central-with-traffic-light", "common", "multi-level"])
def test_what_a_session_did_is_found_again_in_the_comparison_of_another_ones_day(scheme, comparison, lit_day):
    """Bids before their limits, needs and limits are the same whatever scheme cleared the session."""
    there = lit_day if scheme == "central-with-traffic-light" else held(scheme)
    cleared = there.parties["tso-market"].register("global_clearings").columns()
    row = next(one for one in comparison["schemes"] if one["scheme"] == scheme)
    assert row["cost_eur"] == pytest.approx(cleared["cost_eur"].sum(), abs=1e-6)
    assert row["violated_kwh"] == pytest.approx(cleared["violated_kw"].sum(), abs=1e-6)
    assert row["activated_kwh"] == pytest.approx(cleared["up_kw"].sum() + cleared["down_kw"].sum(), abs=1e-6)
    bought = there.parties["dso-1"].register("operator_purchases").columns()
    owed = (bought["bought_kw"] * bought["price_eur_per_kwh"]).sum() if bought else 0.0
    assert row["by_operator"]["dso-1"] == pytest.approx(owed, abs=1e-6)


def test_schemes_see_the_same_bids_and_differ_in_what_they_do(comparison):
    rows = {row["scheme"]: row for row in comparison["schemes"]}
    assert list(rows) == list(RULES["coordination"])
    assert rows["central"]["cost_eur"] <= rows["common"]["cost_eur"]
    assert rows["central"]["violated"] == [ALL[0]]
    assert rows["common"]["feasible"]
    for row in rows.values():
        assert sum(row["by_seller"].values()) == pytest.approx(row["cost_eur"])
        assert sum(row["by_operator"].values()) == pytest.approx(row["cost_eur"])
        if row["feasible"]:
            assert row["cost_eur"] >= rows["common"]["cost_eur"] - 1e-6
    assert sum(comparison["shares"].values()) >= rows["common"]["cost_eur"] - 1e-6


def test_messages_are_what_a_scheme_has_to_tell(comparison):
    told = {row["scheme"]: row["messages"] for row in comparison["schemes"]}
    offers = told["central"]["offers"]
    assert {one["offers"] for one in told.values()} == {offers}
    assert set(told["central"]) == {"offers", "awards"}
    assert told["central-with-traffic-light"]["lights"] == 1
    assert told["central-with-traffic-light"]["components"] == 8
    assert told["multi-level"]["forwarded"] == 8
    assert told["common"]["constraints"] == len(ALL)


def test_the_page_and_the_table_name_every_scheme(comparison, tmp_path):
    page = tmp_path / "schemes.html"
    write_schemes_page(page, "Coordination schemes", [("MSD", comparison)])
    html, text = page.read_text(), comparison_text(comparison)
    assert all(name in html and name in text for name in RULES["coordination"])
    assert json.dumps(comparison)


def test_a_run_without_a_session_says_so():
    with pytest.raises(CoflexError, match="no session of a global market"):
        days_of({}, "runs/x")
