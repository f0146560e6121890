"""What an attacker makes of what it heard: plausible messages, and copies with one field changed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.strategies.intrusion import DEVICE_KW, ORDERED_STEPS, altered, notices, signals
from environment.messages import records
from environment.messages.activation import ActivationSignal
from environment.messages.base import Batch, check_columns, columns_of, fields
from environment.messages.procurement import EngagementRequest
from tests.environment.kernel_cases import instances, plain


def block(contract, bid, kw, fsp="fsp-a"):
    return plain(
        EngagementRequest, contract=contract, bid=bid, fsp=fsp, direction="up", step_s=900.0, engaged_kw=np.array(kw)
    )


def test_a_notice_for_each_contract_orders_the_most_that_was_engaged():
    """Two copies of one block count once; blocks of a contract add up per interval."""
    heard = [
        block("c2", "b3", [1.0, 0.0]),
        block("c1", "b1", [4.0, 2.0]),
        block("c1", "b2", [1.0, 5.0]),
        block("c1", "b1", [4.0, 2.0]),
    ]
    made = notices(heard, "dso-1", "evil/0/1", 3_600_000, None)
    assert [(one.contract, one.activation, one.ordered_kw.tolist()) for one in made] == [
        ("c1", "evil/0/1/c1", [7.0] * ORDERED_STEPS), ("c2", "evil/0/1/c2", [1.0] * ORDERED_STEPS),
    ]  # fmt: skip
    assert {(one.dso, one.fsp, one.from_ms, one.to_ms) for one in made} == {("dso-1", "fsp-a", 3_600_000, 7_200_000)}
    assert notices(heard, "dso-1", "x", 0, 2.5)[0].ordered_kw.tolist() == [2.5] * ORDERED_STEPS
    assert notices([], "dso-1", "x", 0, None) == []


def test_signals_are_well_formed_and_order_what_is_said():
    made = signals(3, "x", 900_000, 900.0, None)
    check_columns(ActivationSignal, made)
    assert (made["change_kw"] == DEVICE_KW).all()
    assert (signals(2, "x", 0, 900.0, 1.5)["change_kw"] == 1.5).all()


@pytest.mark.parametrize("name", sorted(records()))
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_one_field_is_changed_and_the_message_stays_well_formed(name, data):
    record = records()[name]
    field = data.draw(
        st.sampled_from([one for one in fields(record) if one.kind in ("float", "int", "profile")] or [None])
    )
    if field is None:
        return
    messages = data.draw(st.lists(instances(record), min_size=1, max_size=3))
    numbers = np.arange(len(messages))
    batch = Batch(record, numbers, numbers, columns_of(messages), "k")
    before = {key: column.copy() for key, column in batch.columns.items()}
    by = data.draw(st.sampled_from([0.0, 0.5, 3.0]))
    found = altered(batch, field.name, by, None)
    check_columns(record, found.columns)
    for key, column in before.items():
        np.testing.assert_array_equal(batch.columns[key], column)
        if key != field.name:
            np.testing.assert_array_equal(found.columns[key], column)
    assert found.columns[field.name].dtype == before[field.name].dtype
    if field.item.ge is None and field.kind != "int":
        np.testing.assert_allclose(found.columns[field.name], by * before[field.name])


def test_a_text_becomes_another():
    batch = Batch(EngagementRequest, np.arange(2), np.arange(2), columns_of([block("c", "b", [1.0])] * 2), "k")
    assert altered(batch, "fsp", None, "fsp-b")["fsp"].tolist() == ["fsp-b"] * 2
    assert altered(batch, "price_eur_per_kwh", None, -1.0)["price_eur_per_kwh"].tolist() == [0.0] * 2
