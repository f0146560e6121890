"""What must follow when one thing about a world is changed: no flexibility, a larger transformer, manual homes, dearer offers."""

import numpy as np
import pytest

from agents.prosumer_life import OVERRIDE_STEPS
from experiments.kpis.complete import complete
from experiments.scenario.people import NOBODY


@pytest.fixture(scope="module")
def day(small, small_begun):
    """The small day with coordination: (site, tables)."""
    site = small.again(small_begun)
    world = small.live(site)
    return site, small.tables(site, world)


def changed(small, **changes):
    site = small.site(small.scenario(**changes))
    twin = site.twin()
    tables = small.tables(site, small.live(site))
    small.live(twin)
    return site, twin, tables


def rows(tables, name):
    """Number of rows of a table; a table that nobody wrote has none."""
    return len(next(iter(tables.get(name, {}).values()), ()))


def same_physics(site, other):
    np.testing.assert_array_equal(site.living.physics.meters.kw, other.living.physics.meters.kw)
    for kind, power in site.living.physics.record.power_kw.items():
        np.testing.assert_array_equal(power, other.living.physics.record.power_kw[kind], err_msg=kind)
        state, others = site.living.physics.record.state[kind], other.living.physics.record.state[kind]
        np.testing.assert_array_equal(state, others, err_msg=kind)


def meta_of(site):
    first, last = site.days_ms[0][0], site.days_ms[-1][1]
    return {"delivery_start_ms": first, "delivery_end_ms": last, "scenario": site.scenario.as_data()}


def test_the_small_day_procures_activates_and_settles(day):
    _, tables = day
    cases = set(tables["conversations"]["suc"])
    assert cases == {"SUC05.1", "SUC06.1", "SUC06.2", "SUC06.3"}
    assert (tables["bids"]["accepted_kw"] > 0).any()
    assert (tables["deliveries"]["delivered_kw"] > 0).any()


def test_without_flexibility_nothing_is_avoided_and_the_need_stays(small):
    from experiments.run.tables import ledger_table, physical_tables

    site = small.site(small.scenario(people__0__served_by={NOBODY: 1.0}))
    twin = site.twin()
    world, other = small.live(site), small.live(twin)
    tables, twin_tables = small.tables(site, world), physical_tables(twin) | ledger_table(other)
    same_physics(site, twin)
    assert rows(tables, "bids") == rows(tables, "activations") == 0
    assert sum(tables["needs"]["quantity_kw"]) > 0
    found = complete(tables, meta_of(site), twin_tables).figures
    avoided = {name: value for name, value in found.items() if "avoided" in name or "reduction" in name}
    assert avoided
    assert all(value in (0, None) for value in avoided.values()), avoided
    assert found["avoided_overload_kwh"] == 0
    assert found["flexibility_needed_kwh"] > 0
    assert found["unmet_need_kwh"] == pytest.approx(found["flexibility_needed_kwh"])


def test_a_larger_transformer_needs_no_session(small):
    site, twin, tables = changed(small, grid__transformer_rating_factor=0.35 * 1.5)
    outcomes = dict(zip(tables["conversations"]["suc"], tables["conversations"]["outcome"], strict=True))
    assert outcomes == {"SUC05.1": "completed", "SUC06.1": "refused"}
    assert rows(tables, "needs") == 0
    assert "SessionRequest" not in set(tables["messages"]["record"])
    same_physics(site, twin)


def test_manual_homes_deliver_nothing(small):
    site, twin, tables = changed(small, people__0__automatic=0.0)
    assert rows(tables, "activations") == 0
    assert "ActivationSignal" not in set(tables["messages"]["record"])
    same_physics(site, twin)


def test_homes_that_do_not_consent_are_not_called(day):
    site, tables = day
    called = signalled(tables)
    free = {
        name
        for name, consent, automatic, fsp in zip(
            site.people.names, site.people.consent, site.people.automatic, site.people.fsp, strict=True
        )
        if consent and automatic and fsp != NOBODY
    }
    assert called
    assert called <= free
    for message, sender, receiver in zip(
        *(tables["messages"][name] for name in ("record", "sender", "receiver")), strict=True
    ):
        if message == "ActivationSignal":
            home = receiver.removesuffix("/der")
            assert sender.split("/")[0] == site.people.fsp[site.people.names.index(home)]


def signalled(tables):
    pairs = zip(tables["messages"]["record"], tables["messages"]["receiver"], strict=True)
    return {receiver.removesuffix("/der") for record, receiver in pairs if record == "ActivationSignal"}


def test_the_same_margin_more_for_all_keeps_who_is_accepted(small, day):
    """Prices rise by one factor and stay below the cap: the order of bids, and so what is taken, stays."""
    fsps = [{"name": name, "margin_percent": 100.0} for name in ("fsp-sol", "fsp-mar")]
    site = small.site(small.scenario(actors__fsps=fsps))
    tables = small.tables(site, small.live(site))
    before, after = day[1]["bids"], tables["bids"]
    assert (np.asarray(after["price_eur_per_kwh"]) > np.asarray(before["price_eur_per_kwh"])).all()
    assert max(after["price_eur_per_kwh"]) < site.scenario.product.activation_cap_eur_per_kwh
    np.testing.assert_array_equal(after["bid"], before["bid"])
    np.testing.assert_allclose(after["accepted_kw"], before["accepted_kw"], rtol=0.0, atol=1e-6)


def test_homes_that_are_not_called_live_as_without_coordination(small, small_begun, day):
    """Flexibility is bought of those who are called; nobody else notices."""
    site, tables = day
    twin = small_begun.twin()
    small.live(twin)
    called = signalled(tables)
    others = [row for row, name in enumerate(site.people.names) if name not in called]
    assert others
    np.testing.assert_array_equal(site.living.physics.meters.kw[others], twin.living.physics.meters.kw[others])
    row = [row for row, name in enumerate(site.people.names) if name in called]
    assert (site.living.physics.meters.kw[row] != twin.living.physics.meters.kw[row]).any()


def test_nothing_changes_before_the_first_signal(small, small_begun, day):
    site, tables = day
    twin = small_begun.twin()
    small.live(twin)
    signal = np.asarray(tables["messages"]["record"]) == "ActivationSignal"
    first_ms = int(np.asarray(tables["messages"]["sent_ms"])[signal].min())
    until = site.timeline.index(first_ms)
    np.testing.assert_array_equal(site.living.physics.meters.kw[:, :until], twin.living.physics.meters.kw[:, :until])


# --- devices ------------------------------------------------------------------------------------------------------------


def test_powers_stay_within_ratings_and_energies_within_capacities(day):
    site, _ = day
    physics, ratings, owns = site.living.physics, site.people.ratings, site.people.owns
    record = physics.record
    for kind, rating in (("battery", "kw"), ("ev", "charger_kw"), ("water_heater", "kw")):
        limit = ratings[kind][rating][owns[kind]][:, None]
        assert (np.abs(record.power_kw[kind]) <= limit + 1e-9).all(), kind
    for kind in ("battery", "ev"):
        capacity = ratings[kind]["kwh"][owns[kind]][:, None]
        assert (record.state[kind] <= capacity + 1e-9).all(), kind
        assert (record.state[kind] >= -1e-9).all(), kind
    pump = physics.installed["heat_pump"].fleet.ratings
    assert (record.power_kw["heat_pump"] <= (pump.compressor_kw + pump.backup_kw)[:, None] + 1e-9).all()
    away = site.people.cars.away[owns["ev"], physics.first :]
    assert (record.power_kw["ev"][away] == 0).all()


def beyond_set_points(site, kind):
    """Power that the devices of a kind took of themselves, above their set-points, (homes, steps): their own guards."""
    physics = site.living.physics
    one, power = physics.installed[kind], physics.record.power_kw[kind]
    told = np.array([one.fleet.set_points.effective(physics.first + k).copy() for k in range(power.shape[1])]).T
    extra = np.zeros((site.people.n, power.shape[1]))
    extra[one.owner] = np.where(np.isnan(told), np.maximum(power, 0.0), np.maximum(power - told, 0.0))
    return extra


def test_no_automatic_home_sets_its_devices_above_its_limiter(day):
    """What lies above is load alone, what rose since the HEMS looked, what guards heat, or what people switch on by hand."""
    site, _ = day
    physics, people, limit = site.living.physics, site.people, site.living.hems.book.limit_kw[:, None]
    run = slice(physics.first, None)
    net, free = physics.meters.kw[: people.n, run], people.load_kw - people.pv_kw
    risen = np.maximum(np.diff(free, axis=1)[:, physics.first - 1 :], 0.0)
    guards = sum(beyond_set_points(site, kind) for kind in ("ev", "battery", "water_heater", "heat_pump"))
    pump = np.zeros_like(net)
    pump[physics.installed["heat_pump"].owner] = physics.record.power_kw["heat_pump"]  # warmth is not shed
    by_hand = np.zeros_like(net, bool)
    for row, step in zip(*np.nonzero(people.overrides[:, run]), strict=True):
        by_hand[row, step : step + OVERRIDE_STEPS] = True
    excess = net - np.maximum(limit, free[:, run] + pump) - risen - guards
    judged = people.automatic[:, None] & ~by_hand
    assert (net[judged] > 0.8 * np.broadcast_to(limit, net.shape)[judged]).any()
    assert excess[judged].max() < 1e-6
