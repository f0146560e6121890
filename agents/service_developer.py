"""Service developer: carries settings to devices, watches the service's figures, and runs a virtual market where none is open (SUC13.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from environment.calendar import Timeline
from environment.messages.base import Batch
from environment.messages.homes import DEVICE_KINDS
from environment.messages.homes_control import DeviceOrder, OptimisationResult, SettingsNotice
from environment.messages.homes_data import DataQuery, PortfolioForecast
from environment.messages.homes_market import KpiInputs, KpiValues, SimulatedMarket
from environment.party import Party, Process, Seat, handles


@dataclass(frozen=True)
class VirtualMarket:
    """A market that is not open, and what is assumed of it.

    Attributes:
        name: of the market.
        price_eur_per_kwh: what a kWh of reduction would earn at the peak of need.
        buys_share: part of the portfolio's load in excess of its mean that would be bought.
        called_share: part of what is bought that would be called.
    """

    name: str
    price_eur_per_kwh: float
    buys_share: float
    called_share: float


@dataclass(frozen=True)
class ServiceTerms:
    """What a service developer is told.

    Attributes:
        database: address of the cloud database.
        devices: home -> device kind -> address.
        days_ms: starts of the days, and the end of the last.
        market: the virtual market; None where the real one is open.
        market_hour: hour of the day at which it is simulated.
        limits_k: how far a tank may be heated above its reference, how far it may fall below.
    """

    database: str
    devices: Mapping[str, Mapping[str, str]]
    days_ms: Sequence[int]
    market: VirtualMarket | None
    market_hour: float
    limits_k: tuple[float, float]


class ServiceDeveloper(Party):
    """Addresses ``service-provider`` and ``virtual-market``."""

    filed = (OptimisationResult,)

    def __init__(self, seat: Seat, timeline: Timeline, terms: ServiceTerms) -> None:
        super().__init__(seat)
        self._timeline, self._terms = timeline, terms

    def processes(self) -> list[Process]:
        """Its days: figures after each, and the virtual market before the next."""
        return [self.watch_figures(), *([self.simulate_market()] if self._terms.market else [])]

    # --- 6.5 -----------------------------------------------------------------------------------------------------------

    @handles(SettingsNotice)
    def carry_settings(self, batch: Batch[SettingsNotice]) -> None:
        """Step 6.5: modes and bounds as people set them go to their devices."""
        orders, receivers = [], []
        for one in batch.records():
            for place, kind in enumerate(DEVICE_KINDS):
                address = self._terms.devices[one.household].get(kind, "")
                if address:
                    orders.append(self._settings(one, kind, one.modes[place]))
                    receivers.append(address)
        if orders:
            self.send(orders, receivers, batch.conversation)

    def _settings(self, one: SettingsNotice, kind: str, mode: str) -> DeviceOrder:
        above_k, below_k = self._terms.limits_k
        bounds = {
            "water_heater": (one.tank_c - below_k, one.tank_c + above_k),
            "heat_pump": (one.room_c - one.room_width_k, one.room_c + one.room_width_k),
        }
        low, high = bounds.get(kind, (0.0, one.soc_share))
        action = {"on": "on", "off": "off"}.get(mode, "follow")
        return DeviceOrder(
            kind=kind,
            purpose="settings",
            mode=mode,
            action=action,
            power_kw=0.0,
            until_ms=self.now_ms,
            low=low,
            high=high,
        )

    # --- 13 ------------------------------------------------------------------------------------------------------------

    def watch_figures(self) -> Process:
        """Scenario 13: after each day read the sums that may be published, work out the figures, store them."""
        for from_ms, to_ms in pairwise(self._terms.days_ms):
            yield self.until(to_ms + 600_000)
            talk = self.open("SUC13.1", "13", f"figures/{from_ms}")
            question = DataQuery(what="figures", purpose="statistics", since_ms=from_ms)
            answers = yield self.ask(question, self._terms.database, talk)
            found = [one for one in answers.records() if isinstance(one, KpiInputs)]
            if not found:
                self.end(talk, "refused", "too few households consent to statistics for a sum that hides each of them")
                continue
            self.send(self._figures(found[0], from_ms, to_ms), self._terms.database, talk)
            self.end(talk)

    def _figures(self, told: KpiInputs, from_ms: int, to_ms: int) -> KpiValues:
        sums = dict(zip(told.names, told.values.tolist(), strict=True))

        def share(part: str, whole: str) -> float | None:
            return sums[part] / sums[whole] if part in sums and sums.get(whole, 0.0) > 0.0 else None

        def percent(part: str, whole: str) -> float | None:
            found = share(part, whole)
            return None if found is None else 100.0 * found

        found = {
            "savings_eur": sums.get("saved_eur"), "peak_share": share("near_steps", "judged_steps"),
            "plan_error_kw": share("plan_distance_kw", "planned_hours"),
            "delivered_share": share("delivered_kwh", "called_kwh"),
            "load_error_percent": percent("missed_kwh", "forecast_of_kwh"),
            "yesterday_error_percent": percent("yesterday_missed_kwh", "yesterday_of_kwh"),
            "last_week_error_percent": percent("last_week_missed_kwh", "last_week_of_kwh"), "import_kwh": sums.get("import_kwh"),
        }  # fmt: skip
        undefined = tuple(name for name, value in found.items() if value is None)
        return KpiValues(
            from_ms=from_ms, to_ms=to_ms, **{name: value or 0.0 for name, value in found.items()},
            displays=int(sums.get("displays", 0.0)), automatic_share=sums["automatic_share"],
            earned_eur=sums.get("earned_eur", 0.0), undefined=undefined,
        )  # fmt: skip

    # --- 12 ------------------------------------------------------------------------------------------------------------

    def simulate_market(self) -> Process:
        """Scenario 12: run a market routine on forecast data, and store what it would have come to."""
        market = self._terms.market
        assert market is not None
        for from_ms in self._terms.days_ms[:-1]:
            yield self.until(from_ms + round(self._terms.market_hour * 3_600_000))
            talk = self.open("SUC13.1", "12", f"{market.name}/{from_ms}", system="virtual-market")
            question = DataQuery(what="forecast", purpose="market", since_ms=self.now_ms)
            answers = yield self.ask(question, self._terms.database, talk, system="virtual-market")
            found = [one for one in answers.records() if isinstance(one, PortfolioForecast)]
            if not found:
                self.end(talk, "refused", "no forecast is stored yet")
                continue
            self.send(self._cleared(market, found[0]), self._terms.database, talk, system="virtual-market")
            yield self.sleep(300.0)
            self.end(talk)

    def _cleared(self, market: VirtualMarket, forecast: PortfolioForecast) -> SimulatedMarket:
        """A buyer whose need grows with what the portfolio takes above its mean: price and quantity in proportion to it."""
        net = forecast.load_kw - forecast.pv_kw
        above = np.maximum(net - net.mean(), 0.0)
        share = above / max(float(above.max()), 1e-9)
        accepted = market.buys_share * above
        return SimulatedMarket(
            market=market.name, from_ms=forecast.from_ms, step_s=forecast.step_s, price_eur_per_kwh=market.price_eur_per_kwh * share,
            accepted_kw=accepted, activation_kw=market.called_share * accepted,
        )  # fmt: skip
