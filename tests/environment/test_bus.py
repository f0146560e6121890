"""What happens to messages on the way: times and losses; each of them addressed by the message and not by its neighbours."""

from itertools import pairwise
from sys import setprofile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from environment.bus import Bus
from environment.channels import INTERNAL, Channel, Delay, DroppedAcknowledgements, Outage, Partition
from environment.journal import ACKNOWLEDGED, DELIVERED, LOST, NEVER
from experiments.covers import covers
from tests.environment.bus_cases import EVERYBODY, HOMES, NAMES, disturbed, mask, one_to_all, single
from tests.environment.kernel_cases import EVER, batch_of, bus_of, directory, post, receipt

# --- delays ----------------------------------------------------------------------------------------------------------------


def test_delays_follow_their_distributions():
    u = (np.arange(100_000) + 0.5) / 100_000
    assert set(Delay("constant", 1.5).ms(u).tolist()) == {1500}
    uniform = Delay("uniform", 1.0, 2.0).ms(u)
    assert (uniform.min(), uniform.max(), uniform.mean()) == (1000, 2000, pytest.approx(1500, abs=0.1))
    lognormal = Delay("lognormal", 1.0, 3.0).ms(u)
    assert np.median(lognormal) == pytest.approx(1000, abs=1)
    assert np.mean(lognormal <= 3000) == pytest.approx(0.95, abs=1e-3)
    spread = np.log(3.0) / stats.norm.ppf(0.95)
    assert np.quantile(lognormal, [0.05, 0.25, 0.75]) == pytest.approx(
        1000 * stats.lognorm.ppf([0.05, 0.25, 0.75], spread), abs=1
    )


@given(
    kind=st.sampled_from(["constant", "uniform", "lognormal"]),
    low=st.floats(1e-6, 5),
    more=st.floats(0, 5),
    u=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=20),
)
def test_a_delay_is_at_least_a_millisecond_and_grows_with_the_quantile(kind, low, more, u):
    ordered = np.sort(np.array(u))
    delay = Delay(kind, low, low + more).ms(ordered)
    assert delay.dtype == np.int64
    assert (delay >= 1).all()
    assert (np.diff(delay) >= 0).all()
    assert [Delay(kind, low, low + more).one_ms(one) for one in ordered.tolist()] == delay.tolist()


@pytest.mark.parametrize("delay", [Delay("uniform", 1.0, 2.0), Delay("lognormal", 1.0, 2.0)])
def test_what_the_bus_draws_has_the_distribution_of_the_channel(delay):
    traffic = one_to_all(bus_of(EVERYBODY, default=Channel(delay=delay)))
    expected = np.sort(delay.ms((np.arange(20_000) + 0.5) / 20_000))
    assert stats.ks_2samp(traffic.delivered_ms, expected).pvalue > 0.001
    back = traffic.acknowledged_ms - traffic.delivered_ms
    assert stats.ks_2samp(back, expected).pvalue > 0.001
    assert abs(np.corrcoef(traffic.delivered_ms, back)[0, 1]) < 4 / np.sqrt(len(back))


def test_nothing_arrives_at_its_own_instant_even_without_a_delay():
    bus = bus_of(directory("a", "a/x", "b"), default=Channel(delay=Delay("constant", 0.0)))
    assert single(bus, "a", "b", 500).delivered_ms.tolist() == [501]
    assert single(bus, "a", "a/x", 500).delivered_ms.tolist() == [501]
    assert single(bus, "a", "a", 500).delivered_ms.tolist() == [501]


def test_the_channel_is_that_of_the_receiver_then_of_the_sender_and_inside_a_party_its_own():
    slow, far = Channel(delay=Delay("constant", 5.0)), Channel(delay=Delay("constant", 9.0))
    there = directory("a", "a/x", "b", "c")
    bus = bus_of(there, channels={"slow": slow, "far": far}, channel_of={"b": "slow", "a/x": "far", "a": "far"})
    times = {
        pair: int(single(bus, *pair).delivered_ms[0])
        for pair in [("c", "c"), ("c", "b"), ("b", "c"), ("a", "b"), ("b", "a"), ("a", "a/x"), ("b", "a/x")]
    }
    assert times == {
        ("c", "c"): 1, ("c", "b"): 5000, ("b", "c"): 5000, ("a", "b"): 5000, ("b", "a"): 9000,
        ("a", "a/x"): 1, ("b", "a/x"): 9000,
    }  # fmt: skip
    assert INTERNAL.delay.ms(np.array([0.5])).tolist() == [1]


# --- loss, retransmission, duplication -----------------------------------------------------------------------------------------


def test_the_share_that_is_lost_is_the_share_given():
    traffic = one_to_all(bus_of(EVERYBODY, default=Channel(delay=Delay("constant", 1.0), loss_share=0.2, attempts=1)))
    lost = traffic.status == LOST
    assert stats.binomtest(int(lost.sum()), len(HOMES), 0.2).pvalue > 0.001
    unacknowledged = traffic.status == DELIVERED
    assert stats.binomtest(int(unacknowledged.sum()), int((~lost).sum()), 0.2).pvalue > 0.001
    assert (traffic.delivered_ms[lost] == NEVER).all()
    assert (traffic.acknowledged_ms[lost | unacknowledged] == NEVER).all()
    assert (traffic.given_up_ms[lost | unacknowledged] == 60_000).all()


def test_what_is_not_acknowledged_is_sent_again_every_minute():
    channel = Channel(delay=Delay("constant", 1.0), loss_share=0.5, attempts=4)
    traffic = one_to_all(bus_of(EVERYBODY, default=channel), now_ms=7)
    done = traffic.status == ACKNOWLEDGED
    assert (traffic.acknowledged_ms[done] == 7 + 2000 + 60_000 * (traffic.attempts[done] - 1)).all()
    assert set(traffic.attempts[done]) == {1, 2, 3, 4}
    assert (traffic.attempts[~done] == 4).all()
    assert (traffic.given_up_ms[~done] == 7 + 4 * 60_000).all()
    assert (traffic.given_up_ms[done] == NEVER).all()
    arrived = traffic.delivered_ms != NEVER
    assert set((traffic.delivered_ms[arrived] - 7).tolist()) == {1000, 61_000, 121_000, 181_000}
    assert stats.binomtest(int((traffic.delivered_ms == 1007).sum()), len(HOMES), 0.5).pvalue > 0.001


def test_repetitions_that_arrive_are_counted_as_duplicates_and_delivered_once():
    channel = Channel(delay=Delay("constant", 1.0), duplication_share=0.3)
    traffic = one_to_all(bus_of(EVERYBODY, default=channel))
    assert set(traffic.duplicates.tolist()) == {0, 1}
    assert stats.binomtest(int(traffic.duplicates.sum()), len(HOMES), 0.3).pvalue > 0.001
    assert (traffic.delivered_ms == 1000).all()
    assert (traffic.status == ACKNOWLEDGED).all()


def test_of_transmissions_that_overtake_each_other_the_earliest_is_the_delivery():
    # Delays of 1 to 200 s against a timeout of 60 s: the second transmission often arrives before the first.
    channel = Channel(delay=Delay("uniform", 1.0, 200.0), attempts=3)
    again = one_to_all(bus_of(EVERYBODY, default=channel))
    first = one_to_all(bus_of(EVERYBODY, default=Channel(delay=channel.delay, attempts=1)))
    assert (again.delivered_ms <= first.delivered_ms).all()
    assert (again.delivered_ms < first.delivered_ms).mean() > 0.2
    assert (again.delivered_ms[again.delivered_ms < 60_000] == first.delivered_ms[again.delivered_ms < 60_000]).all()
    acknowledged = again.acknowledged_ms != NEVER
    assert (again.acknowledged_ms[acknowledged] > again.delivered_ms[acknowledged]).all()


@covers("SUC05.1/SEC-3", "SUC06.2/SEC-3", "SUC06.3/SEC-3")
@pytest.mark.parametrize(("back_s", "status"), [(59.998, ACKNOWLEDGED), (59.999, DELIVERED), (60.0, DELIVERED)])
def test_the_timeout_is_a_minute_to_the_millisecond(back_s, status):
    """Sent at 0, the acknowledgement is awaited in [0, 60.000 s)."""
    channel = Channel(delay=Delay("constant", (0.001 + back_s) / 2), attempts=1)
    traffic = single(bus_of(directory("a", "b"), default=channel))
    assert traffic.status.tolist() == [status]
    assert traffic.given_up_ms.tolist() == [NEVER if status == ACKNOWLEDGED else 60_000]


# --- disturbances ------------------------------------------------------------------------------------------------------------------


@covers("SUC05.1/SEC-3", "SUC06.2/SEC-3", "SUC06.3/SEC-3")
def test_when_every_acknowledgement_is_dropped_the_sender_gives_up_60_s_after_the_last_transmission():
    bus = disturbed(lambda bus: DroppedAcknowledgements(mask(bus, "b"), 0, EVER))
    traffic = single(bus, now_ms=123)
    assert traffic.delivered_ms.tolist() == [1123]
    assert traffic.attempts.tolist() == [3]
    assert traffic.duplicates.tolist() == [2]
    assert traffic.acknowledged_ms.tolist() == [NEVER]
    last_transmission = 123 + 2 * 60_000
    assert traffic.given_up_ms.tolist() == [last_transmission + 60_000]
    assert single(bus, receiver="c").status.tolist() == [ACKNOWLEDGED]


def test_a_share_of_the_acknowledgements_is_dropped_in_its_window_only():
    bus = disturbed(lambda bus: DroppedAcknowledgements(np.ones(len(NAMES), bool), 1000, 2000, share=0.4))
    traffic = one_to_all(bus)  # all arrive at 1000
    assert stats.binomtest(int((traffic.attempts == 2).sum()), len(HOMES), 0.4).pvalue > 0.001
    assert (one_to_all(bus, now_ms=1000).attempts == 1).all()  # arrive at 2000, the window's end


@pytest.mark.parametrize(
    ("sender", "receiver", "now_ms", "arrives"),
    [
        ("a", "b", 8_999, True),  # arrives at 9 999
        ("a", "b", 9_000, False),  # arrives as the outage begins
        ("a", "b", 18_999, False),
        ("a", "b", 19_000, True),  # arrives as it ends
        ("b", "a", 9_999, True),  # leaves before
        ("b", "a", 10_000, False),
        ("b", "a", 20_000, True),
        ("a", "c", 15_000, True),  # others go on
    ],
)
def test_an_outage_stops_what_leaves_and_what_arrives(sender, receiver, now_ms, arrives):
    bus = disturbed(
        lambda bus: Outage(mask(bus, "b"), 10_000, 20_000), default=Channel(delay=Delay("constant", 1.0), attempts=1)
    )
    traffic = single(bus, sender, receiver, now_ms)
    assert (traffic.delivered_ms[0] != NEVER) == arrives
    assert traffic.status[0] in ((ACKNOWLEDGED, DELIVERED) if arrives else (LOST,))


def test_after_an_outage_the_retransmission_gets_through():
    bus = disturbed(lambda bus: Outage(mask(bus, "b"), 0, 60_000))
    traffic = single(bus)
    assert (traffic.delivered_ms[0], traffic.acknowledged_ms[0], traffic.attempts[0]) == (61_000, 62_000, 2)


def test_an_acknowledgement_does_not_reach_a_sender_that_is_out():
    bus = disturbed(lambda bus: Outage(mask(bus, "a"), 1_500, 2_500))
    traffic = single(bus)
    assert (traffic.delivered_ms[0], traffic.acknowledged_ms[0], traffic.duplicates[0]) == (1000, 62_000, 1)


def test_a_partition_parts_two_sides_both_ways_and_nobody_else():
    bus = disturbed(
        lambda bus: Partition(mask(bus, "a"), mask(bus, "b"), 0, 30_000),
        default=Channel(delay=Delay("constant", 1.0), attempts=1),
    )
    for pair, status in {
        ("a", "b"): LOST,
        ("b", "a"): LOST,
        ("a", "c"): ACKNOWLEDGED,
        ("c", "b"): ACKNOWLEDGED,
    }.items():
        assert single(bus, *pair).status.tolist() == [status], pair
    assert single(bus, now_ms=29_000).status.tolist() == [ACKNOWLEDGED]


# --- addresses of chance: others change nothing -----------------------------------------------------------------------------------------

NOISY = Channel(delay=Delay("lognormal", 1.0, 40.0), loss_share=0.3, duplication_share=0.2, attempts=3)
SLOW = Channel(delay=Delay("lognormal", 20.0, 40.0), attempts=2)
PLAN = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("abc"), st.sampled_from("xy"), st.sampled_from("st")),
    min_size=1,
    max_size=12,
)


def fates(bus: Bus, traffics):
    """What became of every message, by its own name: (sender, receiver, conversation, content, ordinal among equals)."""
    found = {}
    for traffic in traffics:
        batch = traffic.batch
        for row in range(len(batch)):
            key = (batch.sender[row], batch.receiver[row], batch.conversation, batch["activation"][row])
            names = (bus.directory.names[key[0]], bus.directory.names[key[1]], *key[2:])
            columns = ("delivered_ms", "acknowledged_ms", "given_up_ms", "attempts", "duplicates", "status", "digest")
            fate = tuple(int(getattr(traffic, column)[row]) for column in columns)
            found.setdefault(names, []).append((int(batch.ids[row]), *fate))
    return found


def carry(bus: Bus, groups):
    traffics = []
    for conversation, rows in groups:
        records = [receipt(text) for _, _, text in rows]
        batch = batch_of(bus, records, [row[0] for row in rows], [row[1] for row in rows], conversation)
        traffics.append(post(bus, batch, 50))
    return fates(bus, traffics)


@pytest.mark.parametrize("channel", [NOISY, SLOW, Channel()], ids=["noisy", "slow", "calm"])
@settings(max_examples=40, deadline=None)
@given(plan=PLAN, cuts=st.sets(st.integers(1, 11)))
def test_a_batch_is_its_parts(channel, plan, cuts):
    """One batch, any of its partitions and its messages one by one have the same ids, times, attempts and statuses."""
    rows = [(sender, receiver, text) for sender, receiver, _, text in plan]
    edges = [0, *sorted(cut for cut in cuts if cut < len(rows)), len(rows)]
    parts = [("x", rows[begin:end]) for begin, end in pairwise(edges)]
    whole = carry(bus_of(directory(*"abc"), default=channel), [("x", rows)])
    assert carry(bus_of(directory(*"abc"), default=channel), parts) == whole
    assert carry(bus_of(directory(*"abc"), default=channel), [("x", [row]) for row in rows]) == whole


@settings(max_examples=40, deadline=None)
@given(plan=PLAN, other=PLAN)
def test_more_parties_and_messages_leave_the_others_alone(plan, other):
    def groups(some, suffix=""):
        return [(f"{name}{suffix}", [(s, r, text)]) for s, r, name, text in some]

    alone = carry(bus_of(directory(*"abc"), default=NOISY), groups(plan))
    together = [one for pair in zip(groups(other, "+"), groups(plan), strict=False) for one in pair]
    together += groups(plan)[len(other) :]
    crowd = carry(bus_of(directory(*"abc", "0", "bb", "home-0001"), default=NOISY), together)
    assert {name: fate for name, fate in crowd.items() if not name[2].endswith("+")} == alone


def test_the_same_seed_gives_the_same_fate_and_another_gives_another():
    first, again, other = (one_to_all(bus_of(EVERYBODY, seed=seed, default=NOISY)) for seed in (1, 1, 2))
    assert (first.delivered_ms == again.delivered_ms).all()
    assert (first.batch.ids == other.batch.ids).all()  # what a message is does not depend on chance
    assert (first.delivered_ms != other.delivered_ms).mean() > 0.9


def test_equal_messages_of_one_instant_have_ids_of_their_own():
    bus = bus_of(EVERYBODY)
    ids = [int(single(bus).batch.ids[0]) for _ in range(50)]
    assert len(set(ids)) == 50
    assert int(single(bus, now_ms=1).batch.ids[0]) not in ids
    assert len(np.unique(one_to_all(bus).batch.ids)) == len(HOMES)


def test_a_batch_costs_less_than_its_messages():
    """Beyond the first, a message of a batch costs a handful of calls at most (the words of its texts): the rest is arrays."""

    def calls(n: int) -> int:
        bus, count = bus_of(EVERYBODY, default=NOISY), [0]
        batch = batch_of(bus, [receipt()] * n, ["a"] * n, HOMES[:n])
        ring = bus.key_ring(0)

        def tally(frame, event, argument):
            count[0] += event == "call"

        setprofile(tally)
        bus.post(batch, ring, 0)
        setprofile(None)
        return count[0]

    assert calls(2000) - calls(50) < 2 * 1950
