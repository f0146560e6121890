"""The pool of a balancing service provider alone: what it offers of its members' plans, whom it calls, hour by hour."""

import numpy as np
import pytest

from agents.aggregator_terms import FspTerms, Portfolio
from agents.bsp_bids import Schedule
from agents.bsp_pool import PoolDesk, PoolTerms
from environment.addresses import Address, Directory
from environment.calendar import Timeline
from environment.instruments import MeterStore
from environment.messages.activation import ActivationSignal
from environment.messages.aggregation import ActivationFeedback, AggregationCycle, HomePlanReport, OnboardingFile
from environment.office import Office
from environment.party import Party, handles
from environment.world import World
from tests.environment.kernel_cases import bus_of, plain

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
HOMES, AREAS = ("a", "b", "c"), ("north", "north", "south")
POSSIBLE_KW, PRICES = (3.0, 2.0, 5.0), (0.10, 0.05, 0.20)


class Provider(Office):
    desks = {"pool": PoolDesk}  # noqa: RUF012
    stored = PoolDesk.stored

    def processes(self):
        yield from super().processes()
        yield self._ask()

    def _ask(self):
        yield self.until(14 * HOUR_MS)
        self.offers = {way: self.pool.supply(way, DAY_MS) for way in ("up", "down")}
        for schedule in self.plan:
            yield self.until(schedule[0])
            self.pool.take_schedule(schedule[1])


class Home(Party):
    """Reports a plan when a cycle begins and follows every signal."""

    def __init__(self, seat, row):
        super().__init__(seat)
        self.row, self.signals = row, []

    @handles(AggregationCycle)
    def join(self, batch):
        to, talk = self.directory.names[batch.sender[0]], batch.conversation
        up = np.zeros(96)
        up[17 * 4 : 21 * 4] = POSSIBLE_KW[self.row]
        up[17 * 4] = 1.0  # the first quarter less than the others
        report = {
            "from_ms": DAY_MS, "step_s": 900.0, "net_kw": np.full(96, 4.0), "up_kw": up, "down_kw": np.zeros(0), "curtail_kw": np.zeros(0),
            "up_eur_per_kwh": PRICES[self.row], "down_eur_per_kwh": 0.0, "curtail_eur_per_kwh": 0.0,
        }  # fmt: skip
        self.send(plain(OnboardingFile, consent=True), to, talk, "der")
        self.send(HomePlanReport(**report), to, talk, "der")

    @handles(ActivationSignal)
    def follow(self, batch):
        for record in batch.records():
            self.signals.append((self.now_ms, record))
            kw = float(record.change_kw.mean())
            told = ActivationFeedback(activation=record.activation, ordered_kw=kw, expected_kw=kw)
            self.send(told, self.directory.names[batch.sender[0]], batch.conversation, "der")


def schedule(north, south=0.0, hours=(17, 18, 19)):
    kw = {"north": np.zeros(24), "south": np.zeros(24)}
    for hour in hours:
        kw["north"][hour], kw["south"][hour] = north, south
    return Schedule("bid", "up", DAY_MS, kw, 0.1, "talk")


@pytest.fixture
def pool():
    def run(validated, *plan, until_h=48.0, share=1.0):
        names = ["bsp", *HOMES, *(f"{home}/der" for home in HOMES)]
        directory = Directory(
            Address(name, name.split("/")[0], ("der",) if "/" in name else (), name.split("/")[0]) for name in names
        )
        world = World(directory, bus_of(directory))
        homes = [Home(world.seat(home), row) for row, home in enumerate(HOMES)]
        meters = MeterStore([f"{home}/meter" for home in HOMES], Timeline(0, 900_000, 192))
        meters.kw[:] = 4.0
        portfolio = Portfolio(
            HOMES, directory.numbers(HOMES), directory.numbers([f"{home}/der" for home in HOMES]), meters.names, AREAS
        )
        orders = FspTerms("", "", "", "", (), 0)
        terms = PoolTerms([(DAY_MS, 2 * DAY_MS)], [12 * HOUR_MS], portfolio, lambda: validated, orders, share, 0.1)
        provider = Provider(world.seat("bsp"), {"pool": PoolDesk("bsp", terms, meters)})
        provider.plan, provider.homes = plan, homes
        for party in (*homes, provider):
            world.add(party)
        world.run(round(until_h * HOUR_MS))
        return provider

    return run


ALL = {f"{home}/meter": (10.0, 10.0) for home in HOMES}


def test_an_hour_is_offered_as_its_weakest_quarter_bears_it(pool):
    offer = pool(ALL, until_h=15).offers["up"]
    assert offer.perimeters == ("north", "south")
    np.testing.assert_allclose(offer.possible_kw[:, 16:22], [[0, 2, 5, 5, 5, 0], [0, 1, 5, 5, 5, 0]])
    np.testing.assert_allclose(offer.baseline_kw, 12.0)


def test_a_point_counts_with_its_validated_power_and_only_if_it_is_known(pool):
    offer = pool({"a/meter": (1.5, 0.0), "c/meter": (10.0, 0.0)}, until_h=15).offers["up"]
    np.testing.assert_allclose(offer.possible_kw[:, 18], [1.5, 5.0])
    only = pool({"c/meter": (10.0, 0.0)}, until_h=15).offers["up"]
    assert only.perimeters == ("south",)
    assert pool({}, until_h=15).offers["up"] is None


def test_nothing_is_offered_in_a_direction_in_which_nobody_can_move(pool):
    assert pool(ALL, until_h=15).offers["down"] is None


def test_a_part_is_kept_to_move_cut_quantities_to(pool):
    offer = pool(ALL, until_h=15, share=0.8).offers["up"]
    np.testing.assert_allclose(offer.kw, 0.8 * offer.possible_kw)
    np.testing.assert_allclose(offer.unavailable_kw + offer.possible_kw, [[20.0] * 24, [10.0] * 24])


def test_members_are_called_before_each_hour_cheapest_first(pool):
    there = pool(ALL, (20 * HOUR_MS, schedule(2.0)))
    cheap, dear = there.homes[1].signals, there.homes[0].signals
    assert [at_ms - record.from_ms for at_ms, record in cheap] == pytest.approx([-599_000] * 3, abs=1000)
    assert [record.from_ms for _, record in cheap] == [DAY_MS + hour * HOUR_MS for hour in (17, 18, 19)]
    asked = sum(float(record.change_kw.mean()) for _, record in cheap) + sum(
        float(record.change_kw.mean()) for _, record in dear
    )
    assert asked >= 2.0 * 3 - 1e-6
    np.testing.assert_allclose(there.pool.ordered_kwh(DAY_MS)["north"][[16, 17, 18, 19]], [0, 2, 2, 2])


def test_a_limit_that_comes_an_hour_ahead_lowers_what_is_called(pool):
    there = pool(ALL, (20 * HOUR_MS, schedule(4.0)), (DAY_MS + 17 * HOUR_MS, schedule(0.0)))
    hours = {record.from_ms for home in there.homes[:2] for _, record in home.signals}
    assert hours == {DAY_MS + 17 * HOUR_MS}
    orders = there.registers["bsp_orders"].columns()
    assert orders["perimeter"].tolist() == ["north"]
    assert orders["ordered_kw"].tolist() == [4.0]


def test_what_moved_is_the_plan_less_the_meters(pool):
    there = pool(ALL, until_h=47)
    np.testing.assert_allclose(there.pool.delivered_kwh(DAY_MS)["north"], 0.0)
    np.testing.assert_allclose(there.pool.baselines(DAY_MS)["south"], 4.0)
