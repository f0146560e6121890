"""A flood of messages from one party delays its own and nobody else's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from environment.channels import Channel, Delay
from environment.quotas import Quotas
from tests.environment.kernel_cases import batch_of, bus_of, directory, post, receipt

QUOTA = Channel("platform", Delay("uniform", 1.0, 2.0), messages_per_s=10.0)


def latencies(flood, quota=QUOTA, acknowledge_ms=None):
    """How long ten activations of b take [ms] beside a flood from a at the same instants, and how long the flood takes."""
    bus = bus_of(directory("a", "b", "platform"), default=quota)
    others, own = [], []
    for at_ms in range(0, 10_000, 1000):
        if flood:
            sent = batch_of(
                bus, [receipt(str(k)) for k in range(flood)], ["a"] * flood, ["platform"] * flood, f"f{at_ms}"
            )
            own += (post(bus, sent, at_ms).delivered_ms - at_ms).tolist()
        one = batch_of(bus, [receipt("activation")], ["b"], ["platform"], f"b{at_ms}")
        others += (post(bus, one, at_ms).delivered_ms - at_ms).tolist()
    return np.array(others), np.array(own)


def test_a_flood_delays_nobody_else_by_a_millisecond():
    calm, _ = latencies(0)
    flooded, own = latencies(1000)
    assert flooded.tolist() == calm.tolist()
    assert own.max() > 900_000  # 10 000 messages at 10 a second


def test_within_its_quota_nobody_waits():
    free, _ = latencies(0, Channel("platform", Delay("uniform", 1.0, 2.0)))
    limited, _ = latencies(0)
    assert limited.tolist() == free.tolist()


def test_what_waits_is_given_up_later_and_not_sent_again_meanwhile():
    bus = bus_of(directory("a", "platform"), default=QUOTA)
    sent = batch_of(bus, [receipt(str(k)) for k in range(1000)], ["a"] * 1000, ["platform"] * 1000)
    traffic = post(bus, sent)
    assert set(traffic.attempts.tolist()) == {1}
    assert np.sort(traffic.delivered_ms)[-1] == pytest.approx(99_900 + 1500, abs=600)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.data())
def test_lanes_are_of_their_sender_alone_and_split_invariant(party, data):
    n = len(party)
    party = np.array(party)
    receiver = np.array(data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)))
    ids, channel = np.arange(n).astype(np.uint64), np.zeros(n, np.int64)
    waits = Quotas([4.0]).waits_ms(channel, party, receiver, ids, 1000)
    for one in set(party.tolist()):
        mine = party == one
        alone = Quotas([4.0]).waits_ms(channel[mine], party[mine], receiver[mine], ids[mine], 1000)
        assert waits[mine].tolist() == alone.tolist()
        assert sorted(alone.tolist()) == [250 * k for k in range(int(mine.sum()))]


def test_a_lane_is_free_again_after_a_while():
    quotas = Quotas([2.0, 0.0])
    none, ids = np.zeros(3, np.int64), np.arange(3).astype(np.uint64)
    assert quotas.waits_ms(none, none, none, ids, 0).tolist() == [0, 500, 1000]
    assert quotas.waits_ms(none[:1], none[:1], none[:1], ids[:1], 1000).tolist() == [500]
    assert quotas.waits_ms(none[:1], none[:1], none[:1], ids[:1], 9000).tolist() == [0]
    assert quotas.waits_ms(none + 1, none, none, ids, 9000).tolist() == [0, 0, 0]
