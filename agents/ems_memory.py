"""What an EMS has been told of its customers: devices, measurements, who may be controlled. Row i is customer i.

Measurements are columns over the intervals of the run, written as they arrive. Personal data are kept in the register of
``markets.registers.personal_data``: by purpose, for a time, and gone with all measurements when somebody has them erased.
"""

from dataclasses import dataclass, field

import numpy as np

from agents.strategies.tank_model import Measured
from data.arrays import F64, I64, Bool
from environment.calendar import Timeline
from markets.registers.personal_data import PersonalData, Policy

DAY_MS = 86_400_000
CONTROL, LEARNING = "control of the water heater", "learning of heating losses and needs"
PURPOSES = (CONTROL, LEARNING)
"""What an EMS needs data for; a customer agrees to each."""
SERIES = ("tank", "outlet", "kwh", "household")


@dataclass
class Memory:
    """Everything that an EMS knows.

    Attributes:
        names: customers, ascending; known from the registration of their devices on.
        timeline: the intervals.
        people: register of personal data.
        device_of: address of a registered device -> its customer's row.
        heard: devices that have been heard of.
        stored: devices of which a plausible value is stored.
        litres, heater_kw, ceiling_c: from the plates, NaN before registration, (n,).
        approved: whose water heater may be controlled, (n,).
        probes: whether there is a probe at the outlet, (n,).
        metered: whether the household is metered, (n,).
        contracted_kw: (n,).
        tariff: name of each tariff, empty where not known.
        generation: own panels, (n,).
        wanted: services that each wants.
        series: measurements by name, (n, steps).
        seen: last interval of which something came, -1 for none, (n,).
        obeys: whether the module said that it obeys, (n,).
    """

    names: tuple[str, ...]
    timeline: Timeline
    people: PersonalData
    device_of: dict[str, int] = field(default_factory=dict)
    heard: set[str] = field(default_factory=set)
    stored: set[str] = field(default_factory=set)
    litres: F64 = field(init=False)
    heater_kw: F64 = field(init=False)
    ceiling_c: F64 = field(init=False)
    approved: Bool = field(init=False)
    probes: Bool = field(init=False)
    metered: Bool = field(init=False)
    contracted_kw: F64 = field(init=False)
    tariff: list[str] = field(init=False)
    generation: Bool = field(init=False)
    wanted: list[tuple[str, ...]] = field(init=False)
    series: dict[str, F64] = field(init=False)
    seen: I64 = field(init=False)
    obeys: Bool = field(init=False)

    def __post_init__(self) -> None:
        """Empty columns."""
        n = len(self.names)
        self.litres, self.heater_kw, self.ceiling_c, self.contracted_kw = (np.full(n, np.nan) for _ in range(4))
        self.approved, self.probes, self.metered, self.generation, self.obeys = (np.zeros(n, bool) for _ in range(5))
        self.tariff, self.wanted = [""] * n, [()] * n
        self.series = {name: np.full((n, self.timeline.n), np.nan) for name in SERIES}
        self.seen = np.full(n, -1, np.int64)

    def row(self, customer: str) -> int:
        """Row of a customer."""
        return self.names.index(customer)

    def pseudonyms(self, rows: I64) -> list[str]:
        """What some customers are called in all that is kept beside their own files; nobody finds the erased by it."""
        return [self.people.pseudonym(self.names[row]) for row in rows.tolist()]

    def devices(self, customer: str) -> list[str]:
        """Addresses of a customer's registered devices."""
        row = self.row(customer)
        return [device for device, owner in self.device_of.items() if owner == row]

    def learnable(self, t_ms: int) -> Bool:
        """Whose measurements may be used, (n,)."""
        return self.people.allowed(self.names, LEARNING, t_ms)

    def controllable(self, t_ms: int) -> Bool:
        """Who may be controlled: approved, and the purpose agreed to, (n,)."""
        return self.approved & self.people.allowed(self.names, CONTROL, t_ms)

    def days(self, rows: I64, end: int, most: int) -> Measured:
        """The last whole days before interval ``end`` of some customers, at most so many."""
        per_day = DAY_MS // self.timeline.step_ms
        count = max(min(end // per_day, most), 1)
        span = slice(max(end - count * per_day, 0), end)
        tank, outlet, kwh = (self.series[name][rows, span] for name in ("tank", "outlet", "kwh"))
        short = count * per_day - tank.shape[1]
        if short:
            tank, outlet, kwh = (
                np.pad(one, ((0, 0), (short, 0)), constant_values=np.nan) for one in (tank, outlet, kwh)
            )
        return Measured(tank, np.where(self.probes[rows, None], outlet, np.nan), kwh)

    def base_kw(self, rows: I64, end: int, most: int) -> F64:
        """Net load of households without their water heaters over the last whole days before ``end``, (rows, intervals)."""
        per_day = DAY_MS // self.timeline.step_ms
        count = max(min(end // per_day, most), 1)
        span = slice(max(end - count * per_day, 0), end)
        base = self.series["household"][rows, span] - self.series["kwh"][rows, span] / self.timeline.hours
        short = count * per_day - base.shape[1]
        return np.pad(base, ((0, 0), (short, 0)), constant_values=np.nan) if short else base

    def erase(self, customer: str, t_ms: int) -> int:
        """Forget a customer: personal data, measurements, devices; what was counted of all stays. Returns the items erased."""
        row = self.row(customer)
        for series in (*self.series.values(), self.litres, self.heater_kw, self.ceiling_c, self.contracted_kw):
            series[row] = np.nan
        for known in (self.approved, self.probes, self.metered, self.generation, self.obeys):
            known[row] = False
        self.tariff[row], self.wanted[row], self.seen[row] = "", (), -1
        devices = self.devices(customer)
        self.heard.difference_update(devices)
        self.stored.difference_update(devices)
        for device in devices:
            del self.device_of[device]
        return self.people.erase(customer, t_ms)


def policy(personal_days: float, measurement_days: float) -> Policy:
    """How long each category of data is kept."""
    return Policy({"personal": round(personal_days * DAY_MS), "devices": round(personal_days * DAY_MS),
                   "measurements": round(measurement_days * DAY_MS)})  # fmt: skip
