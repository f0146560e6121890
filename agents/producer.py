"""Producers: plants at medium voltage under contract with a flexibility service provider, that let themselves be curtailed.

Row i of every array is plant i. A plant forecasts its own generation, offers to do without it at its own price (flexibility down: more
net load), follows the signals of its provider, and is metered, settled and paid like a home.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.strategies.generation_forecast import by_irradiance, persistence
from data.arrays import F64, I64, Bool
from environment.calendar import Timeline
from environment.instruments import Controls, MeterStore, Readings
from environment.messages.activation import ActivationSignal, DeliveryMeasurement
from environment.messages.aggregation import (
    ActivationFeedback,
    AggregationCycle,
    AssetTelemetry,
    CongestionRequirements,
    FlexibilityPotential,
    OnboardingFile,
    PlantPlanReport,
)
from environment.messages.base import Batch, Record
from environment.messages.delivery import SetPointReading
from environment.messages.settlement import MemberStatement
from environment.party import Party, Process, Seat, Work, act, handles
from environment.weather.view import WeatherView

MOVED_KW = 0.05
"""A smaller change of power does not show in a measurement."""
SHOWS_AFTER_S = 300.0
"""When the power of a plant is measured after an activation begins: one SCADA period."""


@dataclass(frozen=True)
class Plants:
    """What the producers know of themselves and whom they talk to.

    Attributes:
        names: names of the plants, sorted by their device addresses.
        number: number of each among the plants of the grid, shape (n,).
        device: numbers of their device addresses, ascending, shape (n,).
        aggregator: numbers of their providers' addresses, shape (n,).
        dso: number of the DSO's role address, of each plant or one for all.
        scada: number of the DSO's SCADA address, likewise.
        capacity_kw: rated power, shape (n,).
        solar: whether the sun drives it, shape (n,).
        price_eur_per_kwh: what a plant asks for a kWh that it does without, shape (n,).
        gateway: number of the gateway at each plant's connection point, -1 for none, shape (n,); None: there are none.
    """

    names: tuple[str, ...]
    number: I64
    device: I64
    aggregator: I64
    dso: I64 | int
    scada: I64 | int
    capacity_kw: F64
    solar: Bool
    price_eur_per_kwh: F64
    gateway: I64 | None = None


class Producers(Party):
    """A population of plants.

    Args:
        seat: place in the world.
        plants: who they are.
        meters: their meters, one a plant.
        weather: measured and forecast weather.
        readings: what the plants' controls show (``plant_kw``: net load now of all plants of the grid).
        controls: the plants' set-points.
    """

    filed = (FlexibilityPotential, MemberStatement)

    def __init__(
        self, seat: Seat, plants: Plants, meters: MeterStore, weather: WeatherView, readings: Readings, controls: Controls
    ) -> None:  # fmt: skip
        super().__init__(seat)
        self._plants = plants
        self._meters = meters
        self._weather = weather
        self._readings = readings
        self._controls = controls
        shape = len(plants.names), meters.timeline.n
        self._planned_kw = np.zeros(shape)
        self._curtailed_kw = np.zeros(shape)
        self._cycles: list[tuple[int, str, Bool]] = []
        self._streams: dict[int, str] = {}

    @property
    def _timeline(self) -> Timeline:
        return self._meters.timeline

    def processes(self) -> Iterable[Process]:
        """Telemetry at every step."""
        yield self.stream()

    # --- SUC05.1 -------------------------------------------------------------------------------------------------------

    @handles(AggregationCycle)
    def join_cycle(self, batch: Batch[AggregationCycle]) -> None:
        """Steps 1 and its follow-up: show the plants, then report forecast, what could be curtailed, and its price."""
        rows = self._rows(batch.receiver)
        member = np.zeros(len(self._plants.names), bool)
        member[rows] = True
        from_ms, to_ms = int(batch["from_ms"][0]), int(batch["to_ms"][0])
        self._cycles.append((to_ms, batch.conversation, member))
        metered = self._meters.kw[rows, : self._meters.known]
        columns = {
            "baseline_kwh_per_day": metered.mean(axis=1) * 24.0 if metered.size else np.zeros(len(rows)),
            "flexible_kw": self._plants.capacity_kw[rows],
            "assets": np.ones(len(rows), np.int64),
            "consent": np.ones(len(rows), bool),
        }
        self._send_to_both(OnboardingFile, columns, rows, batch.conversation)
        self._report(rows, self._timeline.steps(from_ms, to_ms), from_ms, batch.conversation)

    def _report(self, rows: I64, day: slice, from_ms: int, conversation: str) -> None:
        kw = self.forecast_kw(day.start, day.stop)[rows]
        self._planned_kw[rows, day] = -kw
        n = len(rows)
        columns = {
            "from_ms": np.full(n, from_ms, np.int64),
            "step_s": np.full(n, self._timeline.step_ms / 1000.0),
            "net_kw": -kw,
            "curtail_kw": kw,
            "curtail_eur_per_kwh": self._plants.price_eur_per_kwh[rows],
        }
        device, aggregator = self._plants.device[rows], self._plants.aggregator[rows]
        self.send_batch(PlantPlanReport, columns, device, aggregator, conversation)

    def forecast_kw(self, first: int, end: int) -> F64:
        """Generation expected in steps [first, end), shape (plants, steps): from own meters and the weather forecast."""
        known, per_day = self._meters.known, round(24.0 / self._timeline.hours)
        generated = np.maximum(-self._meters.kw[:, :known], 0.0)
        past = self._weather.past().ghi_wm2[:known]
        ahead = self._weather.ahead(first, end).ghi_wm2
        place = np.arange(first, end) - known
        solar = by_irradiance(generated, past, ahead, place, per_day)
        kw = np.where(self._plants.solar[:, None], solar, persistence(generated, place, per_day))
        return np.asarray(np.minimum(kw, self._plants.capacity_kw[:, None]))

    @handles(CongestionRequirements)
    def take_requirements(self, batch: Batch[CongestionRequirements]) -> None:
        """Step 2: from now on the plants stream their telemetry."""
        self._streams.update(dict.fromkeys(self._rows(batch.receiver).tolist(), batch.conversation))

    def stream(self) -> Process:
        """Step 3: power and states of every streaming plant, to its aggregator and the DSO."""
        for step in range(self._timeline.index(self.now_ms), self._timeline.n):
            yield self.until(int(self._timeline.starts_ms[step]))
            for conversation in dict.fromkeys(self._streams.values()):
                rows = np.array([row for row, name in sorted(self._streams.items()) if name == conversation], np.int64)
                n = len(rows)
                columns = {
                    "active_kw": self._power_kw(rows), "reactive_kvar": np.zeros(n), "voltage_pu": np.ones(n),
                    "connected": np.ones(n, bool), "communicating": np.ones(n, bool),
                }  # fmt: skip
                self._send_to_both(AssetTelemetry, columns, rows, conversation)

    def _power_kw(self, rows: I64) -> F64:
        return np.asarray(self._readings["plant_kw"][self._plants.number[rows]])

    def _send_to_both(self, record: type[Record], columns: dict[str, Any], rows: I64, conversation: str) -> None:
        """Send from some plants to their aggregators, and the same to the DSO."""
        device, aggregator = self._plants.device[rows], self._plants.aggregator[rows]
        twice = {name: np.concatenate([column, column]) for name, column in columns.items()}
        receiver = np.concatenate([aggregator, self._operator(self._plants.dso, rows)])
        self.send_batch(record, twice, np.concatenate([device, device]), receiver, conversation)

    # --- SUC06.2 -------------------------------------------------------------------------------------------------------

    @handles(ActivationSignal)
    def take_signal(self, batch: Batch[ActivationSignal]) -> None:
        """Steps 1.4 and 1.5: limit the output to what was forecast less all that is called, and say what will come of it."""
        for row, signal in zip(self._rows(batch.receiver).tolist(), batch.records(), strict=True):
            begin = self._timeline.index(signal.from_ms)
            first = max(begin, self._timeline.index(self.now_ms))
            stop = max(
                first, min(begin + len(signal.change_kw), self._timeline.n)
            )  # what is past is not called any more
            steps = slice(first, stop)
            asked = signal.change_kw[first - begin : stop - begin] * (signal.direction == "down")
            left = -self._planned_kw[row, steps] - self._curtailed_kw[row, steps]
            change = np.clip(asked, 0.0, np.maximum(left, 0.0))
            self._curtailed_kw[row, steps] += change
            limit = np.minimum(self._planned_kw[row, steps] + self._curtailed_kw[row, steps], 0.0)
            expected_kw = float(change.mean()) if len(change) else 0.0
            self._feed_back(row, signal, expected_kw)
            self._show_gateway(row, signal, expected_kw, batch.conversation)
            if change.max(initial=0.0) > MOVED_KW:
                number = self._plants.number[row : row + 1]
                self._controls.order("mv_plant", signal.activation, 1, number, first, limit[None, :])
                moves = first + int(np.argmax(change > MOVED_KW))  # a call may ask for nothing at first
                self.start(self._deliver(row, signal, moves, batch.conversation))

    def _feed_back(self, row: int, signal: ActivationSignal, expected_kw: float) -> None:
        """SUC05.1 step 8, in the cycle of the day that the activation lies in."""
        running = (name for ends_ms, name, member in self._cycles if member[row] and signal.from_ms < ends_ms)
        conversation = next(running, "")
        if conversation:
            columns = {
                "activation": np.array([signal.activation], object), "ordered_kw": np.array([signal.change_kw.mean()]),
                "expected_kw": np.array([expected_kw]),
            }  # fmt: skip
            self._send_to_both(ActivationFeedback, columns, np.array([row]), conversation)

    def _show_gateway(self, row: int, signal: ActivationSignal, expected_kw: float, conversation: str) -> None:
        """Show the gateway what was ordered and will be done (SUC10.4 rule 14)."""
        gateway = self._plants.gateway
        if gateway is not None and gateway[row] >= 0:
            columns = {
                "activation": np.array([signal.activation], object), "direction": np.array([signal.direction], object),
                "from_ms": np.array([signal.from_ms]), "change_kw": np.array([expected_kw]),
                "to_ms": np.array([signal.from_ms + len(signal.change_kw) * self._timeline.step_ms]),
            }  # fmt: skip
            self.send_batch(
                SetPointReading, columns, self._plants.device[row : row + 1], gateway[row : row + 1], conversation
            )

    def _deliver(self, row: int, signal: ActivationSignal, step: int, conversation: str) -> Process:
        planned_kw = float(self._planned_kw[row, step])
        yield self.until(int(self._timeline.starts_ms[step]))
        self.start_delivery(row, signal, conversation)
        yield self.sleep(SHOWS_AFTER_S)
        after = self._power_kw(np.array([row]))
        if abs(planned_kw - after[0]) > MOVED_KW:
            columns = {
                "activation": np.array([signal.activation], object), "before_kw": np.array([planned_kw]), "after_kw": after,
            }  # fmt: skip
            device = self._plants.device[row : row + 1]
            scada = self._operator(self._plants.scada, np.array([row]))
            self.send_batch(DeliveryMeasurement, columns, device, scada, conversation)

    @act("start_delivery")
    def start_delivery(self, row: int, signal: ActivationSignal, conversation: str) -> Work:
        """Step 1.5: the ordered limit takes effect."""
        reads, writes = [f"activations/{signal.activation}"], [f"devices/{self._plants.names[row]}"]
        return Work(None, conversation, reads, writes, self._plants.device[row : row + 1])

    def _rows(self, devices: I64) -> I64:
        return np.searchsorted(self._plants.device, devices)

    def _operator(self, address: I64 | int, rows: I64) -> I64:
        """An address of the operator of each of some plants."""
        return np.broadcast_to(np.asarray(address, np.int64), (len(self._plants.device),))[rows]
