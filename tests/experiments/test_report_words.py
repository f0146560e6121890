"""What a report says of figures that would puzzle: reserve that was not bought, and payments below zero."""

import pyarrow as pa
import pytest

from experiments.kpis import figure_rows
from experiments.kpis.balancing import shortage
from experiments.report.sections import BELOW_NOTHING, _card
from experiments.results.frame import Frame

HOUR = 3_600_000
OFFERS = [  # block of 4 h, need, offered, accepted, reason
    (0, 70.0, 50.0, 50.0, ""), (0, 70.0, 35.0, 0.0, "above the price cap of 0.05 EUR/kW/h"),  # 20 kW too dear
    (4, 70.0, 40.0, 40.0, ""),  # 30 kW not offered
    (8, 70.0, 90.0, 70.0, "the need is covered"),  # nothing missing
    (12, 70.0, 68.0, 65.0, "no whole granule is left"), (12, 70.0, 10.0, 0.0, "below the minimum bid of 20 kW"),  # 5 kW unfit
]  # fmt: skip


def test_why_reserve_was_not_bought_by_hand():
    block, need, offered, accepted, reason = zip(*OFFERS, strict=True)
    table = pa.table({
        "product": ["afrr-up"] * len(OFFERS), "t_ms": [HOUR * one for one in block], "to_ms": [HOUR * (one + 4) for one in block],
        "need_kw": need, "offered_kw": offered, "accepted_kw": accepted, "reason": reason,
    })  # fmt: skip
    found = shortage(Frame(table))
    assert found.needed_kw_h == 4 * 4 * 70.0
    assert found.bought_kw_h == 4 * (50.0 + 40.0 + 70.0 + 65.0)
    assert (found.not_offered_kw_h, found.too_dear_kw_h, found.unfit_kw_h) == pytest.approx(
        (4 * 30.0, 4 * 20.0, 4 * 5.0)
    )
    parts = found.not_offered_kw_h + found.too_dear_kw_h + found.unfit_kw_h
    assert parts == found.missing_kw_h == found.needed_kw_h - found.bought_kw_h


@pytest.mark.parametrize(("eur", "says"), [(-142.0, True), (142.0, False)])
def test_a_card_says_what_a_payment_below_zero_means(eur, says):
    (row,) = [row for row in figure_rows({"services_paid_eur": eur}, None, every=True) if row.id == "services_paid_eur"]
    assert (BELOW_NOTHING[row.id] in _card(row)) is says
