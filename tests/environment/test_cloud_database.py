"""The cloud database of a service for households keeps nothing of the erased, nor of what was on its way while they were erased."""

import numpy as np

from environment.calendar import Timeline
from environment.messages.homes_control import MARKET, OptimisationResult
from environment.messages.homes_data import DeviceMeasurement, HomeForecast, ProcessingOrder
from environment.platforms.cloud_database import CloudDatabase
from environment.platforms.service_sums import NOTHING
from experiments.covers import covers
from tests.environment.kernel_cases import Stage, plain

STEP_MS, MINUTE_S = 900_000, 60.0


def life(self):
    """Two households are known, measured, forecast and planned; one is erased, and its next plan comes late."""

    def told(home):
        self.send(plain(HomeForecast, household=f"id-{home}", from_ms=0, step_s=900.0), "cloud-1", "c")
        self.send(plain(OptimisationResult, household=f"id-{home}", quarter_ms=0, step_s=3600.0), "cloud-1", "c")

    def order(home, *, erase):
        site = "" if erase else f"home-{home}"
        self.send(ProcessingOrder(prosumer_id=f"id-{home}", site=site, purposes=("service",), erase=erase), "cloud-1", "c")  # fmt: skip

    for home in ("a", "b"):
        order(home, erase=False)
    yield self.sleep(MINUTE_S)
    for home in ("a", "b"):
        told(home)
    self.send(plain(OptimisationResult, household=MARKET, quarter_ms=0), "cloud-1", "c")
    yield self.sleep(20 * MINUTE_S)
    order("a", erase=True)
    yield self.sleep(MINUTE_S)
    told("a")


def measured(self):
    yield self.sleep(10 * MINUTE_S)
    self.send(plain(DeviceMeasurement, kind="meter"), "cloud-1", "c")


@covers("SUC13.1/GDPR-3")
def test_nothing_of_the_erased_is_left_and_what_comes_late_is_refused():
    stage = Stage("agg-1", "cloud-1", "service-1", "home-a", "home-b")
    seat = stage.world.seat("cloud-1")
    database = CloudDatabase(seat, Timeline(0, STEP_MS, 96), 2, {}, "service-1", 3600.0, 86_400_000, "agg-1")
    stage.world.add(database)
    stage.add("agg-1", life)
    for home in ("home-a", "home-b"):
        stage.add(home, measured)
    before = []

    def looking(self):
        yield self.until(round(15 * MINUTE_S * 1000))
        before.append((set(database._kept), database.latest["net_kw"].copy()))

    stage.add("service-1", looking)
    stage.run(60 * MINUTE_S)
    ((kept_before, net_kw),) = before
    assert kept_before == {f"{what}/id-{home}" for what in ("forecast", "result") for home in "ab"} | {"result/market"}
    assert np.isfinite(net_kw).all()
    assert set(database._kept) == {"forecast/id-b", "result/id-b", "result/market"}
    assert database._ids == ["", "id-b"]
    assert np.isnan(database.latest["net_kw"]).tolist() == [True, False]
    assert np.isnan([column[0] for column in database.history.values()]).all()
    for name, column in database.sums._columns.items():
        assert np.array_equal(column[0], np.full(column.shape[1], NOTHING[name]), equal_nan=True), name
        assert not np.array_equal(column[1], np.full(column.shape[1], NOTHING[name]), equal_nan=True), name
    refused = database.register("refused_requests").columns()
    assert sorted(refused["record"]) == ["HomeForecast", "OptimisationResult"]
