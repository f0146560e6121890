"""A plant under contract lets itself be curtailed: from its forecast to its share of the money, and what the grid sees of it."""

import copy

import numpy as np
import pytest

from environment.messages.activation import ActivationSignal
from experiments.scenario import load_scenario, scenario_from

PRICE = 0.06


def sunny_day(**plant):
    """A June day on which a plant of 9 MW, too much for its feeder, lifts voltages; few homes, market in both directions."""
    content = copy.deepcopy(load_scenario("district-day").as_data())
    content["name"] = "plants"
    content["people"][0]["homes"]["count"] = 20
    content["people"][0]["served_by"] = {"nobody": 1.0}
    content["people"][1]["mv_plant"] |= {"kw": 9000, "curtailment_eur_per_kwh": PRICE} | plant
    content["clock"] |= {"start": "2016-06-21", "history_days": 7}
    content["grid"]["transformer_rating_factor"] = 1.0
    content["actors"]["lfmo"]["product"] = "congestion-both-ways"
    return scenario_from(content)


@pytest.fixture(scope="module")
def lived(small):
    """(site, tables) of the day, and those of the same day without coordination."""
    site = small.site(sunny_day())
    twin = site.twin()
    return (site, small.tables(site, small.live(site))), (twin, small.tables(twin, small.live(twin)))


def plant_kw(tables):
    meters = tables["meters"]
    mine = np.array(meters["meter"], str) == "pv-plant-1/meter"
    hours = 0.25
    net = (np.asarray(meters["import_kwh"])[mine] - np.asarray(meters["export_kwh"])[mine]) / hours
    return dict(zip(np.asarray(meters["t_ms"])[mine].tolist(), net.tolist(), strict=True))


def test_curtailment_is_bid_called_delivered_settled_and_paid(lived):
    (_, tables), _ = lived
    bids = tables["content/Bid"]
    assert set(bids["direction"]) == {"down"}
    assert set(bids["fsp"]) == {"fsp-mar"}
    assert min(bids["price_eur_per_kwh"]) == pytest.approx(1.1 * PRICE)
    ends = {}
    for suc, outcome in zip(tables["conversations"]["suc"], tables["conversations"]["outcome"], strict=True):
        ends.setdefault(str(suc), set()).add(str(outcome))
    assert ends["SUC06.2"] == ends["SUC06.3"] == {"completed"}
    assert set(tables["settlements"]["status"]) == {"approved"}
    assert (tables["settlements"]["delivered_kwh"] > 0.5 * tables["settlements"]["ordered_kwh"]).all()


def test_delivered_is_what_the_meter_shows_against_the_plants_own_forecast(lived):
    (_, tables), _ = lived
    metered, found = plant_kw(tables), tables["deliveries"]
    np.testing.assert_allclose(found["metered_kw"], [metered[t_ms] for t_ms in found["t_ms"].tolist()], atol=1e-6)
    np.testing.assert_allclose(found["delivered_kw"], found["metered_kw"] - found["baseline_kw"], atol=1e-6)
    forecast = tables["content/PlantPlanReport"]
    assert max(np.asarray(forecast["net_kw"][0])) <= 0.0
    np.testing.assert_allclose(-np.asarray(forecast["net_kw"][0]), forecast["curtail_kw"][0])
    assert np.max(forecast["curtail_kw"][0]) <= 9000.0


def test_the_plant_generates_less_only_where_it_was_called_and_the_grid_is_relieved(lived):
    (site, tables), (twin, without) = lived
    called = set(tables["activations"]["t_ms"].tolist())
    here, there = plant_kw(tables), plant_kw(without)
    for t_ms, kw in here.items():
        if t_ms not in called:
            assert kw == pytest.approx(there[t_ms], abs=1e-6)
        else:
            assert kw >= there[t_ms] - 1e-6
    assert any(here[t_ms] > there[t_ms] + 100.0 for t_ms in called)

    def severity(one):
        limit = one.scenario.grid.limits.voltage_pu[1]
        return sum(np.maximum(flow.v_pu - limit, 0.0).sum() for _, flow in one.living.physics.flows())

    assert severity(site) < 0.5 * severity(twin)


def test_the_plant_gets_at_least_its_price_and_money_sums_to_zero(lived):
    (_, tables), _ = lived
    ledger, balance, share = tables["ledger"], {}, 0.0
    for debtor, creditor, eur, purpose in zip(
        *(ledger[name] for name in ("debtor", "creditor", "eur", "purpose")), strict=True
    ):
        balance[debtor] = balance.get(debtor, 0) - round(eur * 100)
        balance[creditor] = balance.get(creditor, 0) + round(eur * 100)
        share += eur * (purpose == "flexibility share")
    assert sum(balance.values()) == 0
    assert balance["pv-plant-1"] == round(share * 100)
    delivered = float(tables["settlements"]["delivered_kwh"].sum())
    assert share >= PRICE * delivered - 0.01 * len(tables["settlements"]["settlement"])
    assert balance["fsp-mar"] >= 0


def test_conformance_holds_with_plants(lived):
    from environment.messages import digest_rows
    from experiments.conformance import check
    from experiments.results.schema import conform

    (_, tables), _ = lived
    cases = check(conform(tables), digest_rows=digest_rows, provenance=True).usecases
    assert set(cases) == {"SUC05.1", "SUC06.1", "SUC06.2", "SUC06.3"}
    for suc, case in cases.items():
        assert not case.broken, (suc, case.broken[:3])
        assert not case.late, (suc, case.late[:3])
        assert case.unmatched == 0, suc


def test_a_plant_without_contract_offers_nothing(small):
    site = small.site(sunny_day(served_by="nobody"))
    tables = small.tables(site, small.live(site))
    assert "content/PlantPlanReport" not in tables
    assert "content/Bid" not in tables
    assert tables["unmet"]["quantity_kw"].max() > 0


# --- one plant alone ---------------------------------------------------------------------------------------------------


def alone(small):
    """The world of a sunny day in which nobody procures: site, world, plants, their provider, and noon."""
    from experiments.assembly.world import build_world

    site = small.site(sunny_day())
    world = build_world(site)
    parties = {actor.party.name: actor.party for actor in world.agents}
    parties["dso-1"].processes = lambda: []
    return site, world, parties["plants"], parties["fsp-mar"], site.days_ms[0][0] + 12 * 3_600_000


def test_signals_add_up_to_no_more_than_the_forecast_and_none_raises_generation(small):
    """Down 60 %, down 60 % again (40 % are left), up: what the plant says that it will do, and the limits that it sets."""
    site, world, plants, fsp, noon_ms = alone(small)
    orders, said = [], []
    plants._controls.order = lambda *given: orders.append(given)

    def life():
        yield fsp.until(noon_ms - 3_600_000)
        planned = -plants._planned_kw[0, site.timeline.index(noon_ms)]
        for name, direction in (("a", "down"), ("b", "down"), ("c", "up")):
            signal = ActivationSignal(
                activation=name, direction=direction, from_ms=noon_ms, step_s=900.0, change_kw=np.array([0.6 * planned])
            )
            fsp.send(signal, "pv-plant-1/der", "k", system="fsp-technical-platform")
            yield fsp.sleep(60.0)
        said.append(planned)

    fsp.processes = lambda: [life()]
    world.run(noon_ms - 1_800_000)
    (planned,) = said
    assert planned > 1000.0
    feedback = world.bus.journal.contents()["ActivationFeedback"]
    expected = dict(zip(feedback["activation"], feedback["expected_kw"], strict=True))
    assert expected == {
        "a": pytest.approx(0.6 * planned), "b": pytest.approx(0.4 * planned), "c": pytest.approx(0.0),
    }  # fmt: skip
    limits = [float(order[5][0, 0]) for order in orders]
    np.testing.assert_allclose(limits, [-0.4 * planned, 0.0], atol=1e-6)


def test_a_signal_that_comes_when_its_time_is_over_changes_nothing(small):
    site, world, plants, fsp, noon_ms = alone(small)
    orders = []
    plants._controls.order = lambda *given: orders.append(given)

    def life():
        yield fsp.until(noon_ms)
        for from_ms in (noon_ms - 3_600_000, site.timeline.end_ms + 900_000, site.timeline.start_ms - 900_000):
            late = ActivationSignal(
                activation=f"a{from_ms}", direction="down", from_ms=from_ms, step_s=900.0, change_kw=np.full(2, 500.0)
            )
            fsp.send(late, "pv-plant-1/der", "k", system="fsp-technical-platform")

    fsp.processes = lambda: [life()]
    world.run(noon_ms + 900_000)
    assert not orders
    assert not plants._curtailed_kw.any()
