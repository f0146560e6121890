"""A member's monthly bill: sums, proration, and a text that says what was paid for."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.covers import covers
from markets.community.bill import Bill, Line, bill_text, prorated_cents


@given(eur=st.integers(0, 5000).map(lambda amount: amount / 100), day=st.integers(1, 31))
def test_the_parts_of_a_month_make_the_month_up_to_a_cent(eur, day):
    """One leaves, another joins the next day: together they pay the month."""
    month = prorated_cents(eur, date(2025, 5, 1), date(2025, 5, 31))
    assert month == round(eur * 100)
    first = prorated_cents(eur, date(2025, 5, 1), date(2025, 5, day))
    rest = prorated_cents(eur, date(2025, 5, day + 1), date(2025, 5, 31)) if day < 31 else 0
    assert abs(first + rest - month) <= 1


def test_half_a_month_of_april_by_hand():
    assert prorated_cents(3.0, date(2025, 4, 13), date(2025, 4, 30)) == 180
    with pytest.raises(ValueError, match="not days of one month"):
        prorated_cents(3.0, date(2025, 4, 13), date(2025, 5, 1))


EXPECTED = """\
Bill of home-3, energy community ec-1
13 April 2025 to 30 April 2025 (18 days)
Joined on 13 April 2025.

                                                     kWh   ct/kWh        EUR
Bought from other members                          40.00    12.50       5.00
Grid tariff of shared energy                       40.00     2.00       0.80
Sold to other members                              10.00    12.50      -1.25
Flexibility delivered                               2.00    30.00      -0.60
Membership, 18 of 30 days                                               1.80
To pay to the community                                                 5.75

For information, billed by your retailer for the same days:
                                                     kWh   ct/kWh        EUR
Supply                                             60.00    20.00      12.00
Surplus                                             5.00     5.00      -0.25

All together                                                           17.50
The same energy without the community                                  19.25
Saved                                                                   1.75"""


@covers("SUC02.1/r39")
def test_a_bill_can_be_read():
    bill = Bill(
        community="ec-1", member="home-3", first=date(2025, 4, 13), last=date(2025, 4, 30),
        lines=(
            Line("Bought from other members", 40.0, 500),
            Line("Grid tariff of shared energy", 40.0, 80),
            Line("Sold to other members", 10.0, -125),
            Line("Flexibility delivered", 2.0, -60),
            Line("Membership, 18 of 30 days", None, 180),
        ),
        retailer=(Line("Supply", 60.0, 1200), Line("Surplus", 5.0, -25)), alone_cents=1925,
        notes=("Joined on 13 April 2025.",),
    )  # fmt: skip
    assert bill_text(bill) == EXPECTED
    assert bill.total_cents == sum(line.cents for line in bill.lines)
    assert bill.saved_cents == 175
