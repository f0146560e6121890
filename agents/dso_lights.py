"""A DSO's dynamic traffic lights: how much of each perimeter's flexibility its network bears hour by hour, told on D-1 and kept up during D (SUC08.3, SUC10.2)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from agents.dso_foreseen import foreseen
from agents.dso_outlook import LookAhead
from agents.dso_perimeters import OwnGrid
from agents.flexibility_picture import Picture
from agents.strategies.dynamic_lights import SIGNS, Capabilities, Expected, local_use_kw
from data.arrays import F64, Bool
from environment.messages.base import Batch
from environment.messages.flexibility_register import RegisterQuery, StaticLight
from environment.messages.traffic_lights import DynamicLight, GridConstraint, LightNotice
from environment.office import Desk
from environment.party import Process, Work, act, handles
from markets.traffic_light import HOURS_OF_DAY, Colour, colours, tightened_kw

PLATFORM, DERMS = "dso-technical-platform", "derms"
HOUR_MS = 3_600_000
READS_S = 90.0
"""What the register reports is waited for so long; what has not come by then is taken from the own registry."""
CLOSES_S = 900.0
"""Whoever wants the lights has looked them up by then."""


@dataclass(frozen=True)
class LightsTerms:
    """What a DSO is told for its dynamic lights.

    Attributes:
        days_ms: (start, end) of every day of delivery.
        at_ms: instants at which lights are worked out, for each day: the first on D-1, the others in D.
        due_ms: until when those of each day must be on the platform to count for its clearing.
        reaches_h: hours from an update on that it leaves as they are.
        cbp: address of the platform.
        register: address of the register.
    """

    days_ms: Sequence[tuple[int, int]]
    at_ms: Sequence[Sequence[int]]
    due_ms: Sequence[int]
    reaches_h: int
    cbp: str
    register: str


@dataclass
class _Round:
    """One determination of lights under way."""

    day: int
    constraints: list[GridConstraint]


class LightsDesk(Desk):
    """The desk.

    Args:
        terms: what the DSO is told.
        grid: its network.
        look_ahead: its forecast.
        picture: what it knows of points, pools and lights; lights are kept here.
    """

    def __init__(self, terms: LightsTerms, grid: OwnGrid, look_ahead: LookAhead, picture: Picture) -> None:
        self._terms = terms
        self._grid = grid
        self._ahead = look_ahead
        self.picture = picture
        self._rounds: dict[str, _Round] = {}

    def processes(self) -> Iterable[Process]:
        """The lights of every day."""
        for day in range(len(self._terms.days_ms)):
            yield self.light_day(day)

    def light_day(self, day: int) -> Process:
        """On D-1, and from time to time in D."""
        for at_ms in self._terms.at_ms[day]:
            yield self.party.until(at_ms)
            yield from self.determine(day)
        yield self.party.until(self._terms.days_ms[day][1])
        if day == len(self._terms.days_ms) - 1:
            for talk in self.picture.applied.values():
                self.party.end(talk)

    def determine(self, day: int) -> Process:
        """SUC10.2 steps 1.0 to 3.0, and what SUC08.3 publishes of it."""
        start_ms = self._terms.days_ms[day][0]
        talk = self.party.open("SUC10.2", "1", f"day {day + 1} at {self.now_ms // 60_000} min", system=PLATFORM)
        yield from self.deliver(RegisterQuery(about="both"), self._terms.register, talk, PLATFORM)
        yield from self._read(talk)
        if not self._usable():
            self.party.end(talk, "refused", "no resource is qualified for global services")
            return
        constraints = self.grid_capacity_assessment(talk, day)
        self._rounds[talk] = _Round(day, constraints)
        self.party.send(constraints, [self.at(DERMS)] * len(constraints), talk, PLATFORM)
        lights = {one.perimeter: self._light(one) for one in constraints}
        for pool, applied in sorted(self.picture.applied.items()):
            mine = [lights[name] for name in self.picture.perimeters(pool) if name in lights]
            if mine and start_ms <= self._terms.days_ms[-1][0]:
                self.distribution_network_monitoring(applied, mine)
                self.party.start(self.deliver(mine, self._terms.register, applied, PLATFORM))
        yield self.party.sleep(CLOSES_S)
        self.party.end(talk)

    def _read(self, talk: str) -> Process:
        """Static values as the register holds them."""
        yield self.party.sleep(READS_S)
        for batch in self.party.stored_rows(StaticLight):
            if batch.conversation == talk:
                self.picture.static.update({one.gcp: one for one in batch.records()})

    def _usable(self, service: str = "global") -> list[str]:
        """Points in pools that are qualified for a service."""
        pools = [pool for pool in self.picture.pools.values() if pool.qualified(service)]
        return sorted({gcp for pool in pools for gcp in pool.points if gcp in self.picture.static})

    # --- SUC10.2 step 2.0: the technical platform ------------------------------------------------------------------------

    @act("grid_capacity_assessment", system=PLATFORM)
    def grid_capacity_assessment(self, talk: str, day: int) -> Work:
        """Step 2.0: what the network bears of the validated flexibility in every hour, from forecast, planned outages and what the DSO uses itself."""
        start_ms, end_ms = self._terms.days_ms[day]
        at_bus, number = self._flexibility("global")
        foreseen, own = self._expected(start_ms, end_ms), self._flexibility("local")[0]
        used = local_use_kw(foreseen, own, HOURS_OF_DAY)
        expected = foreseen.with_use(used, own)
        left = ~self._fixed(start_ms)
        found = {
            name: Capabilities(expected, at_bus[name], sign, HOURS_OF_DAY).largest_kw(left) for name, sign in SIGNS
        }
        constraints = []
        for row, perimeter in enumerate(self._grid.perimeters):
            if row not in number:
                continue
            static = {name: float(at_bus[name][row].sum()) for name, _ in SIGNS}
            local = {name: used[name][row] for name, _ in SIGNS}
            self.picture.local[perimeter, start_ms] = local["up"], local["down"]
            found_kw = {
                name: np.minimum(found[name][row], np.maximum(static[name] - local[name], 0.0)) for name in static
            }
            kept = {name: self._kept(perimeter, start_ms, name, found_kw[name]) for name, _ in SIGNS}
            kw = {name: np.asarray(tightened_kw(np.full(HOURS_OF_DAY, static[name]), kept[name])) for name in static}
            equal = all(bool((kw[name] == static[name]).all()) for name, _ in SIGNS)
            constraints.append(
                GridConstraint(
                    perimeter=perimeter, from_ms=start_ms, up_kw=kw["up"], down_kw=kw["down"], static_up_kw=static["up"],
                    static_down_kw=static["down"], tighter=not equal or self._was_tight(perimeter, start_ms), equal=equal,
                )
            )  # fmt: skip
            self._keep(constraints[-1], local, self._terms.due_ms[day])
        names = [one.perimeter for one in constraints]
        reads = [f"static_lights/{gcp}" for gcp in self._usable()]
        return Work(constraints, talk, reads, [f"dynamic_lights/{name}" for name in names])

    def _flexibility(self, service: str) -> tuple[dict[str, F64], set[int]]:
        """Validated power of points usable for a service by perimeter and bus, at least 0, and the perimeters that have any."""
        shape = (len(self._grid.perimeters), self._grid.model.network.n_bus)
        at_bus = {name: np.zeros(shape) for name, _ in SIGNS}
        number = set()
        for gcp in self._usable(service):
            one, bus = self.picture.static[gcp], self._grid.bus_of[gcp]
            row = int(self._grid.bus_perimeter[bus])
            number.add(row)
            at_bus["up"][row, bus] += one.validated_up_kw
            at_bus["down"][row, bus] -= one.validated_down_kw
        return at_bus, number

    def _expected(self, start_ms: int, end_ms: int) -> Expected:
        """The day as it is foreseen; of what is past already, as the first foreseen step."""
        found = foreseen(self._ahead, self.now_ms, start_ms, end_ms)
        return replace(found, hour=np.minimum(found.hour, HOURS_OF_DAY - 1))

    def _kept(self, perimeter: str, start_ms: int, direction: str, kw: F64) -> F64:
        """The new values, of hours that an update may still move."""
        before = self.picture.lights.get((perimeter, start_ms))
        if before is None:
            return kw
        old = before.capability_up_kw if direction == "up" else before.capability_down_kw
        return np.where(self._fixed(start_ms), old, kw)

    def _fixed(self, start_ms: int) -> Bool:
        """Hours of a day that are over, or so near that they are being activated, (24,)."""
        hours_ms = np.arange(HOURS_OF_DAY) * HOUR_MS + start_ms
        return np.asarray(hours_ms < self.now_ms + self._terms.reaches_h * HOUR_MS)

    def _was_tight(self, perimeter: str, start_ms: int) -> bool:
        """Whether less than the static value was told before, which must be taken back."""
        before = self.picture.lights.get((perimeter, start_ms))
        return before is not None and bool(before.colour_up.any() or before.colour_down.any())

    def _keep(self, one: GridConstraint, local: Mapping[str, F64], due_ms: int) -> None:
        """What was found, in the own register."""
        hours = one.from_ms + np.arange(HOURS_OF_DAY) * HOUR_MS
        for name, kw, static in (("up", one.up_kw, one.static_up_kw), ("down", one.down_kw, one.static_down_kw)):
            lights = colours(np.full(HOURS_OF_DAY, static), kw).tolist()
            self.register("dynamic_lights").add(
                made_ms=self.now_ms, due_ms=due_ms, dso=self.party.name, perimeter=one.perimeter, t_ms=hours, direction=name,
                colour=[Colour(light).name.lower() for light in lights], capability_kw=kw, static_kw=static,
                local_kw=local[name],
            )  # fmt: skip

    @act("distribution_network_monitoring", system=PLATFORM)
    def distribution_network_monitoring(self, talk: str, lights: Sequence[DynamicLight]) -> Work:
        """SUC08.3 step 5.0: the constraints of the perimeters of an aggregate, evaluated again."""
        names = [f"dynamic_lights/{one.perimeter}" for one in lights]
        return Work(None, talk, names, names)

    # --- SUC10.2 steps 4.0 to 4.3: the DERMS -----------------------------------------------------------------------------

    @handles(GridConstraint)
    def translate(self, batch: Batch[GridConstraint]) -> Process:
        """Colours and capabilities of limits, told to the platform, and where they are tighter than static ones to the register too."""
        constraints = list(batch.records())
        lights = self.translation_of_information(batch.conversation, constraints)
        tighter = [light for light, one in zip(lights, constraints, strict=True) if one.tighter]
        equal = {one.perimeter for one in constraints if one.equal}
        static = [self.picture.static[gcp] for gcp in self._usable() if self._grid.perimeter_of(gcp) in equal]
        to = self._terms
        for records, receiver in ((static, to.cbp), (tighter, to.cbp), (tighter, to.register)):
            if records:
                yield from self.deliver(records, receiver, batch.conversation, DERMS)
        notice = LightNotice(
            dso=self.party.name, from_ms=constraints[0].from_ms, perimeters=tuple(one.perimeter for one in constraints),
            points=tuple(self._usable()),
        )  # fmt: skip
        yield from self.deliver(notice, to.cbp, batch.conversation, DERMS)

    @act("translation_of_information", system=DERMS)
    def translation_of_information(self, talk: str, constraints: Sequence[GridConstraint]) -> Work:
        """Step 4.0: limits as colours, and capabilities where needed."""
        lights = [self._light(one) for one in constraints]
        self.picture.lights.update({(one.perimeter, one.from_ms): one for one in lights})
        names = [f"dynamic_lights/{one.perimeter}" for one in constraints]
        return Work(lights, talk, names, names)

    def _light(self, one: GridConstraint) -> DynamicLight:
        up = colours(np.full(len(one.up_kw), one.static_up_kw), one.up_kw).astype(np.float64)
        down = colours(np.full(len(one.down_kw), one.static_down_kw), one.down_kw).astype(np.float64)
        return DynamicLight(
            perimeter=one.perimeter, dso=self.party.name, from_ms=one.from_ms, colour_up=up, colour_down=down,
            capability_up_kw=one.up_kw, capability_down_kw=one.down_kw, newer=True,
        )  # fmt: skip
