"""What each settlement of a contract answers for: together its whole availability, once."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from environment.messages.procurement import BaselineDeclaration
from markets.settlement import availability_and_activation, linear_with_grace
from markets.settlement.availability import held_order, ready_eur_per_h
from markets.settlement.blocks import Block
from markets.settlement.cases import cases, settle_case
from tests.environment.kernel_cases import plain

STEP_MS = 900_000
T_MS = STEP_MS * np.arange(4, dtype=np.int64)
power = st.lists(st.integers(0, 50), min_size=4, max_size=4).map(lambda kw: np.array(kw, float))


@given(contracted=power, calls=st.lists(power, max_size=3), price=st.floats(0.01, 5.0))
def test_calls_and_the_rest_add_up_to_the_contract(contracted, calls, price):
    blocks = [Block(0.2, 0, STEP_MS, contracted, price), Block(0.3, 0, STEP_MS, contracted, 0.0)]
    called = [Block(0.0, 0, STEP_MS, kw) for kw in calls if kw.any()]
    parts = [ready_eur_per_h(T_MS, one.kw, blocks, called) for one in called]
    rest = ready_eur_per_h(T_MS, np.zeros(4), blocks, called)
    np.testing.assert_allclose(sum(parts, rest), contracted * price, rtol=1e-12, atol=1e-12)
    for one, part in zip(called, parts, strict=True):
        assert not part[one.kw == 0.0].any()
        assert not rest[one.kw > 0.0].any()


def test_a_call_in_other_intervals_changes_nothing():
    blocks = [Block(0.2, 0, STEP_MS, np.full(4, 10.0), 1.0)]
    later = [Block(0.0, 2 * STEP_MS, STEP_MS, np.full(2, 5.0))]
    assert ready_eur_per_h(T_MS, np.zeros(4), blocks, later).tolist() == [10, 10, 0, 0]


def test_a_standing_contract_pays_none():
    assert not ready_eur_per_h(T_MS, np.full(4, 3.0), [Block(0.2)], []).any()


def test_a_rule_without_availability_pays_none_whatever_an_engagement_says():
    """A forged availability price stops no settlement."""
    order = held_order("c", Block(0.2, 0, STEP_MS, np.full(4, 10.0)), "dso", "fsp", "A", "up")
    blocks = {"c": [Block(0.2, 0, STEP_MS, np.full(4, 10.0), 1.0)]}
    baseline = plain(BaselineDeclaration, fsp="fsp", area="A", from_ms=0, step_s=900.0, power_kw=np.zeros(4))
    (case,) = cases([order], blocks, [baseline])
    case.baseline_kw = case.metered_kw = np.zeros(4)
    case.deliver()
    amounts = [settle_case(case, rule.settle).net_eur for rule in (linear_with_grace, availability_and_activation)]
    assert amounts == [0.0, 10.0]
