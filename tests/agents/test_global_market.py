"""A session of the global market among its parties: who bids what, what constraints change, who sells, who is told (SUC08.2, SUC10.3)."""

import numpy as np
import pytest

from agents.tso_component_book import ComponentBook
from environment.messages.global_market import (
    AcceptedQuantities,
    AsmBid,
    ComponentMessage,
    DsoConstraint,
    FlexibilityPurchase,
    MarketDataRequest,
)
from experiments.covers import covers
from experiments.scenario.library import RULES
from tests.agents.global_market_cases import (
    ALL,
    BSPS,
    HOUR_MS,
    SESSION,
    SUPPLY,
    Setting,
    flat,
    lit,
    offered,
    play,
    table,
)


@pytest.fixture
def session(stage):
    return lambda **said: play(stage, Setting(**({"supply": SUPPLY} | said)))


def accepted(there, hour=0):
    """(bid, area) -> accepted in an hour."""
    columns = table(there, "tso-market", "global_bids")
    rows = columns["t_ms"] == SESSION.from_ms + hour * HOUR_MS
    names = zip(columns["bsp"][rows], columns["area"][rows], columns["direction"][rows], strict=True)
    return dict(zip(names, columns["accepted_kw"][rows], strict=True))


def sold_up(there):
    return {key[:2]: kw for key, kw in accepted(there).items() if key[2] == "up" and key[0] != "genco" and kw > 0}


def notices(there):
    return table(there, "tso", "limitation_notices")


def scheduled(there, bsp, area=0, way="up", hour=0):
    """What a provider has to deliver in the end."""
    columns = table(there, bsp, "global_schedules")
    rows = (
        (columns["perimeter"] == ALL[area])
        & (columns["direction"] == way)
        & (columns["t_ms"] == SESSION.from_ms + hour * HOUR_MS)
    )
    return columns["scheduled_kw"][rows][-1]


def message(there, kind, sender=None):
    """Records of a class that were delivered, in order."""
    found = [batch.batch for batch in there.bus.journal.traffic if batch.batch.record.__name__ == kind]
    return [
        one
        for batch in found
        for row, one in enumerate(batch.records())
        if sender in (None, there.directory.names[batch.sender[row]])
    ]


@covers("SUC08.2/r04", "SUC08.2/r05", "SUC08.2/r15", "SUC08.2/r23", "SUC10.3/r13", "SUC10.3/r14", "SUC08.2/r19")
def test_a_session_without_limits_takes_the_cheapest(session):
    there = session()
    offers = {(bsp, name): SUPPLY[bsp]["up"].kw[k, 0] for bsp in BSPS for k, name in enumerate(ALL)}
    assert sold_up(there) == pytest.approx({key: kw for key, kw in offers.items() if kw > 0})
    assert sum(kw for (*_, way), kw in accepted(there).items() if way == "up") == pytest.approx(300)
    assert table(there, "tso", "bid_components")["light"].max() == 0
    assert not len(there.parties["tso"].register("limitation_notices"))
    assert {outcome for _, outcome, _ in there.outcomes()} == {"completed"}


@covers("SUC10.3/r01")
def test_all_that_is_paid_is_what_was_asked_for(session):
    there = session()
    bids, hours = table(there, "tso-market", "global_bids"), table(there, "tso-market", "global_clearings")
    assert (bids["accepted_kw"] * bids["price_eur_per_kwh"]).sum() == pytest.approx(hours["cost_eur"].sum())
    assert not hours["imbalance_left_kw"].any()


@covers("SUC08.2/r16", "SUC10.3/r10", "SUC10.3/r11", "SUC10.3/r12")
def test_a_yellow_perimeter_admits_its_capability_cheapest_first(session):
    there = session(lights={ALL[0]: lit(1, 70.0)})
    sold = sold_up(there)
    assert (sold["bsp-1", ALL[0]], sold["bsp-2", ALL[0]]) == pytest.approx((50, 20))
    assert ("bsp-3", ALL[0]) not in sold
    columns = table(there, "tso", "bid_components")
    assert (columns["limited_kw"] <= columns["offered_kw"]).all()


@covers("SUC10.3/r11")
def test_pro_rata_shares_a_capability_by_quantity(session):
    there = session(lights={ALL[0]: lit(1, 65.0)}, limit="pro-rata-components")
    sold = sold_up(there)
    assert [sold[bsp, ALL[0]] for bsp in BSPS] == pytest.approx([25, 30, 10])


@covers("SUC10.3/r12")
def test_a_red_perimeter_sells_nothing_and_the_other_direction_is_free(session):
    there = session(lights={ALL[0]: lit(2)}, needed_kw=-15.0)
    assert scheduled(there, "bsp-1", 0, "down") > 0
    assert not any(name == ALL[0] for _, name in sold_up(there))


@covers("SUC10.3/r08", "SUC10.3/r09", "SUC08.2/r22", "SUC10.3/22")
def test_a_provider_moves_what_a_light_cuts_to_perimeters_with_room(session):
    supply = SUPPLY | {"bsp-1": {"up": offered([50, 40, 0, 0], 0.002, possible=[50, 40, 30, 0])}}
    there = session(supply=supply, lights={ALL[0]: lit(2)})
    bids = table(there, "bsp-1", "asm_bids")
    assert bids["change"].tolist() == ["offered", "reduced"]
    np.testing.assert_allclose(bids["quantity_kwh"], [90 * 24, 70 * 24])
    assert sold_up(there)["bsp-1", ALL[2]] == pytest.approx(30)
    assert "reallocate_or_reduce" in there.acts()


@covers("SUC08.2/r19")
def test_limits_that_the_bidder_kept_itself_need_no_notice(session):
    there = session(lights={ALL[0]: lit(2)})
    assert not len(there.parties["tso"].register("limitation_notices"))


@covers("SUC08.2/r19", "SUC08.2/r20", "SUC08.2/r21", "SUC10.3/r15", "SUC10.3/r16", "SUC10.3/r17")
def test_components_that_nobody_adapted_are_limited_and_their_bidder_is_told_an_hour_ahead(session):
    """The BSP hears of a constraint when it can adapt no more: it bids after the associations were sent."""
    there = session(lights={ALL[0]: lit(1, 10.0)}, bids_after_s=2.5 * 3600)
    told = notices(there)
    assert set(told["bsp"]) == {"bsp-1", "bsp-2", "bsp-3"}
    assert (told["t_ms"] <= told["due_ms"]).all()
    assert scheduled(there, "bsp-1") == pytest.approx(10)
    assert scheduled(there, "bsp-2") == 0
    notice = message(there, "LimitationNotice")[0]
    assert notice.due_ms == notice.first_hour_ms - HOUR_MS == SESSION.from_ms - HOUR_MS


# --- what goes wrong ---------------------------------------------------------------------------------------------------------------


def test_without_its_platform_a_session_loses_no_bid(session):
    """The platform is down over the gate: providers send components to the TSO themselves, which decides by its own book."""
    there = session(cbp=False, lights={ALL[0]: lit(1, 70.0)})
    taken = table(there, "tso", "component_messages")
    assert set(taken["outcome"]) == {"taken"}
    assert set(taken["sender"]) == set(BSPS)
    assert sold_up(there)["bsp-1", ALL[0]] == pytest.approx(50)
    failed = {(suc, reason) for suc, outcome, reason in there.outcomes() if outcome == "failed"}
    assert failed == {
        ("SUC08.2", "the platform did not forward components in time"),
        ("SUC08.2", "the platform did not answer in time"),
    }


@covers("SUC10.3/r05", "SUC10.3/r06")
def test_late_constraints_leave_the_session_as_it_is_and_limit_later_hours(session):
    """Four hours and a half after the deadline of 16:00: the session has cleared; limits of the next day come in time."""
    there = session(lights={ALL[0]: lit(1, 30.0)}, late_s=4.5 * 3600)
    late = table(there, "tso", "late_constraints")
    assert set(late["dso"]) == {"dso-1", "dso-2"}
    assert late["late_s"].min() > 0
    assert there.acts().count("validate_constraints") == 1  # at its time, of what is there
    assert sold_up(there)["bsp-1", ALL[0]] == pytest.approx(50)
    told = notices(there)
    assert (told["t_ms"] <= told["due_ms"]).all()
    assert [scheduled(there, bsp) for bsp in BSPS] == pytest.approx([30, 0, 0])


@covers("SUC08.2/r20", "SUC10.3/r15")
def test_a_constraint_in_the_day_reaches_only_hours_that_begin_an_hour_later(session):
    """At 08:15 of the day: the hour from 10:00 is the first that can be limited."""
    there = session(lights={ALL[0]: lit(2)}, late_s=(16.25 + 0.25) * 3600)
    assert set(notices(there)["first_hour_ms"]) == {SESSION.from_ms + 10 * HOUR_MS}
    assert [scheduled(there, "bsp-1", hour=hour) for hour in (9, 10, 23)] == pytest.approx([50, 0, 0])


def components(bsp, bid, kw, version=1, **changes):
    given = {
        "bid": bid, "version": version, "session": "MSD", "bsp": bsp, "uva": "UVA", "zone": "Nord", "tso_perimeter": "T1", "direction": "up",
        "quantity_kw": np.full(24, float(sum(kw))), "baseline_kw": np.zeros(24), "perimeters": ALL[: len(kw)], "components_kw": flat(*kw).ravel(),
        "unavailable_kw": np.zeros(24 * len(kw)), "validity_s": 2_000, "timestamp_s": 1_000,
    }  # fmt: skip
    return ComponentMessage(**(given | changes))


@covers("SUC10.3/r02", "SUC10.3/43", "SUC08.2/45", "SUC10.3/45")
@pytest.mark.parametrize("to", ["tso", "cbp"])
def test_nobody_bids_for_another(session, to):
    forged = components("bsp-1", "MSD/bsp-1/up", [500.0], version=7)
    there = session(script=[(16 * HOUR_MS, forged, to)])
    assert sold_up(there)["bsp-1", ALL[0]] == pytest.approx(50)
    refused = table(there, to, "refused_requests" if to == "cbp" else "component_messages")
    column = refused["reason"]
    assert any("cannot" in reason for reason in column.tolist())


def test_a_bid_that_the_market_operator_does_not_know_sells_nothing(session):
    supply = {"bsp-1": SUPPLY["bsp-1"]}
    there = session(supply=supply, script=[(16 * HOUR_MS, bid_of("bsp-2", 1), "tso-market")])
    assert {bsp for bsp, *_ in accepted(there)} == {"bsp-1", "genco"}
    assert "stranger cannot bid for bsp-2" in table(there, "tso-market", "refused_requests")["reason"].tolist()


def bid_of(bsp, version, kw=50.0):
    return AsmBid(
        bid=f"MSD/{bsp}/up", version=version, adapted=False, session="MSD", bsp=bsp, uva="UVA", zone="Nord", node="", direction="up",
        quantity_kw=np.full(24, kw), price_eur_per_kwh=0.001, validity_s=2_000, timestamp_s=1_000,
    )  # fmt: skip


def constraint(dso, perimeter, name="x"):
    return DsoConstraint(
        constraint=name,
        dso=dso,
        perimeter=perimeter,
        direction="up",
        from_ms=SESSION.from_ms,
        colour=np.full(24, 2.0),
        capability_kw=np.zeros(24),
    )


@pytest.mark.parametrize("to", ["tso", "cbp"])
def test_only_its_own_operator_states_a_perimeter(session, to):
    there = session(script=[(15 * HOUR_MS, constraint("dso-1", ALL[0]), to)])
    assert ALL[0] in {name for _, name in sold_up(there)}
    assert len(table(there, to, "refused_requests")["reason"]) == 1


def test_what_is_sent_again_counts_once(session):
    there = session(repeats=2)
    taken = table(there, "tso", "component_messages")
    outcomes = taken["outcome"].tolist()
    assert set(outcomes) == {"taken", "repeated"}
    assert outcomes.count("repeated") == 2 * outcomes.count("taken")
    assert sold_up(there) == pytest.approx(sold_up(session()))


@covers("SUC08.2/r18")
def test_nobody_but_the_tso_writes_outcomes_on_the_platform(session):
    none = np.zeros(24)
    forged = AcceptedQuantities(session="MSD", bid="MSD/bsp-1/up", up_kw=none + 9.0, down_kw=none)
    there = session(script=[(20 * HOUR_MS, forged, "cbp")])
    kept = table(there, "cbp", "registered_quantities")
    assert kept["up_kw"][(kept["what"] == "accepted") & (kept["bid"] == "MSD/bsp-1/up")].max() == pytest.approx(90)
    assert "only the TSO registers outcomes of its market" in table(there, "cbp", "refused_requests")["reason"].tolist()


def test_only_the_tso_sees_what_is_bid_in_a_perimeter(session):
    there = session(script=[(18 * HOUR_MS, MarketDataRequest(session="MSD", perimeter=ALL[0], direction="up"), "cbp")])
    assert {there.directory.names[number] for number in receivers(there, "PerimeterData")} == {"tso"}


def receivers(there, kind):
    return [
        number
        for one in there.bus.journal.traffic
        if one.batch.record.__name__ == kind
        for number in one.batch.receiver
    ]


# --- the book of the TSO -------------------------------------------------------------------------------------------------------------


def book_with(*taken, bids=()):
    book = ComponentBook(100)
    for one in bids:
        book.take_bid(one)
    return book, [book.take(record, at, (), restricted)[0] for record, at, restricted in taken]


def test_the_same_version_again_changes_nothing_and_with_another_content_is_refused():
    first, other = components("a", "b", [5.0]), components("a", "b", [6.0])
    _book, outcomes = book_with((first, 1, ()), (first, 2, ()), (other, 3, ()), bids=[bid_of("a", 1, 5.0)])
    assert outcomes == ["taken", "repeated", "refused"]


@covers("SUC08.2/r13", "SUC10.3/r07")
def test_the_newest_version_before_the_gate_counts_whatever_came_last():
    """Version 1 travelled longer than version 2; version 3 came at the gate."""
    bids = [changed(bid_of("a", version, kw), bid="b") for version, kw in ((1, 5.0), (2, 6.0), (3, 7.0))]
    versions = {version: components("a", "b", [kw], version) for version, kw in ((1, 5.0), (2, 6.0), (3, 7.0))}
    book, outcomes = book_with((versions[2], 1, ()), (versions[1], 2, ()), (versions[3], 100, ()), bids=bids)
    assert outcomes == ["taken", "taken", "late"]
    assert book.version_of("b") == 2
    np.testing.assert_allclose(book.offered().kw, flat(6.0))


def changed(record, **changes):
    return type(record)(**({name: getattr(record, name) for name in record.__struct_fields__} | changes))


@covers("SUC08.2/r09", "SUC10.3/r03")
def test_components_count_only_with_a_bid_of_their_version_that_they_sum_up_to():
    record = components("a", "b", [5.0])
    for bids, reason in (
        ((), "no such bid is at the market operator"),
        ((changed(bid_of("a", 2, 5.0), bid="b"),), "no version has both"),
        ((changed(bid_of("a", 1, 6.0), bid="b"),), "no version has both"),
    ):
        book, _ = book_with((record, 1, ()), bids=bids)
        assert reason in book.excluded()["b"]
        assert not len(book.offered())
    book, _ = book_with(bids=[changed(bid_of("a", 1, 5.0), bid="b")])
    assert book.excluded() == {"b": "it has no valid components"}


@covers("SUC08.2/r11", "SUC10.3/r04")
def test_components_of_a_restricted_perimeter_are_compulsory():
    record = components("a", "b", [5.0])
    assert book_with((record, 1, frozenset({ALL[1]})))[1] == ["refused"]
    assert book_with((record, 1, frozenset({ALL[0]})))[1] == ["taken"]


@covers("SUC08.2/r03", "SUC08.2/r17")
@pytest.mark.parametrize("scheme", list(RULES["coordination"]))
def test_a_session_is_cleared_by_any_scheme(session, scheme):
    """One perimeter admits 30 kW beyond the 20 that its operator needs itself."""
    need = np.zeros((2, 24))
    need[0] = 20.0
    there = session(
        scheme=scheme, lights={ALL[0]: lit(1, 30.0)}, plans={ALL[0]: (need, ("UVA-bsp-1",))}, needed_kw=100.0
    )
    hours = table(there, "tso-market", "global_clearings")
    assert set(hours["scheme"]) == {scheme}
    in_perimeter = sum(kw for (_, name), kw in sold_up(there).items() if name == ALL[0])
    kept = scheme not in {"central", "multi-level"}
    assert (in_perimeter <= 50 + 1e-6) == kept
    if scheme == "central-with-traffic-light":
        assert in_perimeter <= 30 + 1e-6
    assert (hours["violated_kw"].max() < 1e-6) == kept
    if scheme in {"common", "integrated", "multi-level-prequalified"}:
        assert in_perimeter >= 20 - 1e-6
        assert not hours["imbalance_left_kw"].any()
    bought = purchases(there)
    if scheme.startswith("central"):  # the DSO buys nothing, and its need stays open
        assert not bought
    elif scheme in {"common", "integrated"}:  # it pays a part of everything, by its Shapley share
        assert 0 < sum(bought.values()) < sum(accepted(there).values())
    elif scheme == "shared-balancing":  # as much upward as it finds downward beside it: its area stays in balance
        assert bought == pytest.approx({("bsp-1", ALL[0], "up"): 10.0, ("bsp-1", ALL[1], "down"): 10.0})
    else:
        assert bought == pytest.approx({("bsp-1", ALL[0], "up"): 20.0})


def purchases(there, dso="dso-1", hour=0):
    """(seller, area, direction) -> what was bought for a DSO in an hour, as it was told."""
    columns = table(there, dso, "operator_purchases")
    if not columns:
        return {}
    rows = columns["t_ms"] == SESSION.from_ms + hour * HOUR_MS
    keys = zip(columns["bsp"][rows], columns["perimeter"][rows], columns["direction"][rows], strict=True)
    return {key: kw for key, kw in zip(keys, columns["bought_kw"][rows], strict=True) if kw > 0}


def needy(session, **said):
    """The first DSO needs 20 kW in its first perimeter; the system is 100 kW short."""
    need = np.zeros((2, 24))
    need[0] = 20.0
    return session(**{"plans": {ALL[0]: (need, ("UVA-bsp-1",))}, "needed_kw": 100.0, "scheme": "multi-level"} | said)


@pytest.mark.parametrize(("counts", "taken"), [(True, 100.0), (False, 120.0)])
def test_what_a_dso_activates_counts_for_the_system_or_not(session, counts, taken):
    """The sellers are told who pays for what, and deliver all of it."""
    there = needy(session, counts=counts)
    assert sum(kw for (*_, way), kw in accepted(there).items() if way == "up") == pytest.approx(taken)
    assert table(there, "tso-market", "global_clearings")["imbalance_left_kw"] == pytest.approx(
        np.full(24, 100.0 - taken)
    )
    (award,) = [one for one in message(there, "AsmAward") if one.bid == "MSD/bsp-1/up"]
    assert set(award.buyers) == {"tso", "dso-1"}
    shares = award.bought_kw.reshape(2, -1)
    np.testing.assert_allclose(shares.sum(axis=0), award.accepted_components_kw)
    assert scheduled(there, "bsp-1") == pytest.approx(50)


def test_nobody_but_the_market_operator_tells_what_was_bought(session):
    forged = FlexibilityPurchase(
        session="MSD", buyer="dso-1", bid="MSD/bsp-2/up", bsp="bsp-2", direction="up", from_ms=SESSION.from_ms, perimeters=(ALL[0],),
        bought_kw=flat(60)[0], price_eur_per_kwh=9.0,
    )  # fmt: skip
    there = needy(session, script=[(20 * HOUR_MS, forged, "dso-1"), (20 * HOUR_MS, forged, "dso-2")])
    assert purchases(there) == pytest.approx({("bsp-1", ALL[0], "up"): 20.0})
    for dso in ("dso-1", "dso-2"):
        (reason,) = table(there, dso, "refused_requests")["reason"]
        assert "only the market operator" in reason
