"""The life of a session: gate, receipts, duplicates, replacement."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.covers import covers
from markets import session as life
from markets.bids import Bid, BidColumns, NeedColumns, Sensitivities
from markets.clearing import merit_order
from markets.products import FlexibilityProduct, LocalArea, Window

HOUR = 3_600_000
OPENS, GATE, SERVICE = HOUR, 3 * HOUR, Window(16 * HOUR, 20 * HOUR)


def session_of(product=None):
    product = product or FlexibilityProduct(
        name="p", area=LocalArea("zone", ("z",)), service_window=SERVICE, capacity_max_kw=50.0, granularity_kw=0.5,
        activation_windows=(Window(17 * HOUR, 19 * HOUR),), activation_cap_eur_per_kwh=2.0, announcement_ms=HOUR,
    )  # fmt: skip
    terms = life.SessionTerms(
        auction="s1", dso="dso-1", product=product, areas=("a1", "a2"), opens_ms=OPENS, gate_ms=GATE
    )
    requested = life.Session(terms, NeedColumns.of([("trafo", "up", 17 * HOUR, 5.0)]))
    return life.publish(requested, ["f1", "f2"])


def bid(**changes):
    given = {
        "bid": "b1", "fsp": "f1", "area": "a1", "direction": "up", "t_ms": 17 * HOUR, "quantity_kw": 5.0,
        "price_eur_per_kwh": 0.3, "received_ms": 2 * HOUR,
    }  # fmt: skip
    return Bid(**(given | changes))


def submitted(rows, session=None):
    return life.submit(session or session_of(), BidColumns.of(rows))


@covers("SUC06.1/r16", "SUC06.1/r19")
def test_a_whole_life():
    session = life.open_session(session_of(), OPENS)
    session, receipts = submitted([bid()], session)
    assert receipts.accepted.tolist() == [True]
    session = life.close(session, GATE)
    network = Sensitivities(("trafo",), ("a1", "a2"), np.ones((1, 2)))
    outcome = merit_order.clear(session.book, session.needs, network, hours=0.25, unmet_eur_per_kwh=3.0)
    session = life.send_results(life.record_clearing(session, outcome))
    assert session.state == "results"
    assert session.clearing.accepted_kw.tolist() == [5.0]


@covers("SUC06.1/r15", "SUC06.1/r17", "SUC06.1/r18")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"fsp": "f9"}, life.NOT_QUALIFIED),
        ({"received_ms": OPENS - 1}, life.NOT_YET_OPEN),
        ({"received_ms": GATE}, life.LATE),
        ({"area": "a9"}, life.WRONG_AREA),
        ({"direction": "down"}, life.WRONG_DIRECTION),
        ({"t_ms": 17 * HOUR + 1}, life.OFF_GRID),
        ({"t_ms": 16 * HOUR}, life.OUTSIDE_WINDOW),
        ({"t_ms": 19 * HOUR}, life.OUTSIDE_WINDOW),
        ({"quantity_kw": 0.5}, life.TOO_SMALL),
        ({"quantity_kw": float("nan")}, life.TOO_SMALL),
        ({"quantity_kw": 50.5}, life.TOO_LARGE),
        ({"quantity_kw": 5.2}, life.WRONG_STEP),
        ({"price_eur_per_kwh": -0.1}, life.WRONG_PRICE),
        ({"price_eur_per_kwh": 2.1}, life.ABOVE_CAP),
        ({"min_acceptance_kw": 6.0}, life.WRONG_LEAST),
    ],
)
def test_each_refusal_has_its_reason(changes, reason):
    session, receipts = submitted([bid(**changes)])
    assert receipts.reason.tolist() == [reason]
    assert len(session.book) == 0


@pytest.mark.parametrize("edge", [{"received_ms": GATE - 1}, {"received_ms": OPENS}, {"t_ms": 19 * HOUR - 900_000},
                                  {"quantity_kw": 50.0}, {"quantity_kw": 1.0}, {"price_eur_per_kwh": 2.0}])  # fmt: skip
def test_the_edges_themselves_are_allowed(edge):
    assert submitted([bid(**edge)])[1].accepted.all()


def test_the_products_terms_bind_every_bid():
    terms = session_of().terms
    blocks = msgspec.structs.replace(terms.product, divisible=False, granularity_kw=0.0, capacity_min_kw=0.0)
    session, receipts = submitted([bid(quantity_kw=5.37), bid(bid="b2", quantity_kw=0.0)], session_of(blocks))
    assert receipts.reason.tolist() == [life.IN_BOOK, life.TOO_SMALL]
    assert session.book.least_kw.tolist() == [5.37]
    parts = msgspec.structs.replace(terms.product, min_acceptance_kw=3.0)
    rows = [bid(), bid(bid="b2", quantity_kw=2.0), bid(bid="b3", min_acceptance_kw=4.0)]
    session, _ = submitted(rows, session_of(parts))
    assert session.book.least_kw.tolist() == [3, 2, 4]
    assert submitted(rows, session)[1].accepted.all()


def test_time_of_receipt_counts_not_the_order_of_events():
    closed = life.close(life.open_session(session_of(), OPENS), GATE)
    session, receipts = submitted([bid(received_ms=GATE - 1), bid(bid="b2", received_ms=GATE)], closed)
    assert receipts.reason.tolist() == [life.IN_BOOK, life.LATE]
    assert session.book.bid.tolist() == ["b1"]


def test_the_same_bid_twice_is_one_bid():
    session, _ = submitted([bid()])
    again, receipts = submitted([bid(received_ms=2 * HOUR + 5)], session)
    assert receipts.accepted.all()
    assert len(again.book) == 1
    assert again.book.received_ms.tolist() == [2 * HOUR]


def test_an_id_with_other_content_is_refused():
    session, _ = submitted([bid()])
    again, receipts = submitted([bid(quantity_kw=6.0), bid(fsp="f2")], session)
    assert receipts.reason.tolist() == [life.ID_TAKEN] * 2
    assert again.book.quantity_kw.tolist() == [5.0]


def test_a_bid_may_be_withdrawn_by_its_seller_before_the_gate():
    session, _ = submitted([bid()])
    assert life.withdraw(session, "b1", "f2", 2 * HOUR)[1] == life.UNKNOWN_BID
    assert life.withdraw(session, "b1", "f1", GATE)[1] == life.LATE
    gone, reason = life.withdraw(session, "b1", "f1", GATE - 1)
    assert reason == ""
    assert len(gone.book) == 0
    assert submitted([bid()], gone)[1].reason.tolist() == [life.GONE]
    assert life.withdraw(gone, "b1", "f1", GATE - 1)[1] == life.GONE


def test_a_replacement_happens_wholly_or_not_at_all():
    session, _ = submitted([bid()])
    kept, refused = life.replace_bid(session, "b1", BidColumns.of([bid(bid="b2", price_eur_per_kwh=9.0)]))
    assert refused.reason.tolist() == [life.ABOVE_CAP]
    assert kept.book.bid.tolist() == ["b1"]
    changed, receipts = life.replace_bid(session, "b1", BidColumns.of([bid(bid="b2", quantity_kw=8.0)]))
    assert receipts.accepted.all()
    assert changed.book.bid.tolist() == ["b2"]
    assert life.replace_bid(changed, "b1", BidColumns.of([bid(bid="b3")]))[1].reason.tolist() == [life.GONE]
    with pytest.raises(ValueError, match="not by 0"):
        life.replace_bid(session, "b1", BidColumns.of([]))


def test_a_seller_qualified_later_may_bid_from_then_on():
    session = life.qualify_later(session_of(), "f9")
    assert submitted([bid(fsp="f9")], session)[1].accepted.all()


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_any_partition_of_a_batch_gives_the_same_book_and_receipts(data):
    count = data.draw(st.integers(1, 8))
    rows = [
        bid(
            bid=data.draw(st.sampled_from(["b1", "b2", "b3"])),
            quantity_kw=data.draw(st.sampled_from([4.0, 5.0, 500.0])),
            received_ms=OPENS + k * 1000 if k else OPENS - 1,
        )
        for k in range(count)
    ]
    whole, receipts = submitted(rows)
    cut = data.draw(st.integers(0, count))
    first, early = submitted(rows[:cut])
    parts, later = submitted(rows[cut:], first)
    assert [parts.book.row(k) for k in range(len(parts.book))] == [whole.book.row(k) for k in range(len(whole.book))]
    assert early.reason.tolist() + later.reason.tolist() == receipts.reason.tolist()


def test_steps_out_of_order_are_errors():
    published = session_of()
    with pytest.raises(ValueError, match="is published and cannot become published"):
        life.publish(published, [])
    with pytest.raises(ValueError, match="opens at"):
        life.open_session(published, OPENS - 1)
    opened = life.open_session(published, OPENS)
    with pytest.raises(ValueError, match="closes at"):
        life.close(opened, GATE - 1)
    with pytest.raises(ValueError, match="it must be cleared"):
        life.send_results(opened)
    requested = life.Session(published.terms, published.needs)
    with pytest.raises(ValueError, match="cannot take bids"):
        submitted([bid()], requested)


def test_a_clearing_of_other_bids_is_refused():
    session = life.close(life.open_session(submitted([bid()])[0], OPENS), GATE)
    network = Sensitivities(("trafo",), ("a1",), np.ones((1, 1)))
    other = merit_order.clear(
        BidColumns.of([bid(bid="stranger")]), session.needs, network, hours=0.25, unmet_eur_per_kwh=3.0
    )
    with pytest.raises(ValueError, match="b1, stranger"):
        life.record_clearing(session, other)


@covers("SUC06.1/r16")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"opens_ms": GATE}, "after the session opens"),
        ({"gate_ms": 15 * HOUR + 1}, "announcement time"),
        ({"areas": ()}, "no area"),
        ({"areas": ("a1", "a1")}, "twice"),
    ],
)
def test_terms_that_contradict_themselves_are_refused(changes, said):
    terms = session_of().terms
    given = {name: getattr(terms, name) for name in ("auction", "dso", "product", "areas", "opens_ms", "gate_ms")}
    with pytest.raises(ValueError, match=said):
        life.SessionTerms(**(given | changes))
