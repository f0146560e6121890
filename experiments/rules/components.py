"""The face of the rules that limit bid components: components of perimeters and their traffic lights as records."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from experiments.rules.clearing import Direction, tidy
from experiments.rules.face import Accounts, Face, Name, Outcome, Row
from experiments.scenario.fields import Part, given
from markets.traffic_light import Colour, usable_kw


class ComponentRow(Row):
    """A bid component (SUC08.2): what an aggregate offers in one DSO perimeter."""

    bid: Name
    """The bid it belongs to."""
    perimeter: Name
    """Grid element id code."""
    direction: Direction
    """up: more injection or less consumption."""
    hour: int = given(0, source="one hour", ge=0, le=23)
    """Of the day."""
    quantity_kw: float = given(unit="kW", ge=0)
    """Qi."""
    price_eur_per_kwh: float = given(0.0, unit="EUR/kWh", source="not needed to cut in proportion", ge=0)
    """Of the bid."""


class LightRow(Row):
    """Dynamic traffic light of a perimeter; green where none is named."""

    perimeter: Name
    """Grid element id code."""
    direction: Direction
    """Of activations."""
    hour: int = given(0, source="one hour", ge=0, le=23)
    """Of the day."""
    colour: Literal["green", "yellow", "red"]
    """green: all; yellow: at most the capability; red: nothing."""
    capability_kw: float | None = given(None, unit="kW", source="only yellow has one", ge=0)
    """Of all components together."""


class LimitedRow(Row):
    """What became of a component."""

    bid: str
    """Its bid."""
    perimeter: str
    """Where."""
    direction: Direction
    """As offered."""
    hour: int
    """Of the day."""
    quantity_kw: float = given(unit="kW")
    """Qi."""
    limited_kw: float = given(unit="kW")
    """Qi**: what may be activated."""


class BidRow(Row):
    """A bid after its components were limited."""

    bid: str
    """Its id."""
    direction: Direction
    """As offered."""
    hour: int
    """Of the day."""
    quantity_kw: float = given(unit="kW")
    """Q: sum of its components."""
    limited_kw: float = given(unit="kW")
    """Sum of what is left of them."""


class Limited(Row):
    """Components within the capabilities of their perimeters."""

    components: tuple[LimitedRow, ...]
    """Every component, in the order given."""
    bids: tuple[BidRow, ...]
    """Every bid, direction and hour."""


class Components(Face):
    """Components of bids and the lights of their perimeters."""

    components: tuple[ComponentRow, ...] = given(min_length=1)
    """In the order of their receipt."""
    lights: tuple[LightRow, ...] = given((), source="every perimeter is green")
    """Dynamic traffic lights."""

    result: ClassVar[type[Part]] = Limited
    accounted: ClassVar[str] = "kW"
    table: ClassVar[str] = "components"
    unique: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "components": ("bid", "perimeter", "direction", "hour"),
        "lights": ("perimeter", "direction", "hour"),
    }
    example: ClassVar[Mapping[str, Any]] = {
        "components": [
            {"bid": "b1", "perimeter": "north", "direction": "up", "quantity_kw": 3000, "price_eur_per_kwh": 0.12},
            {"bid": "b2", "perimeter": "north", "direction": "up", "quantity_kw": 1000, "price_eur_per_kwh": 0.09},
            {"bid": "b1", "perimeter": "south", "direction": "up", "quantity_kw": 500, "price_eur_per_kwh": 0.12},
        ],
        "lights": [{"perimeter": "north", "direction": "up", "colour": "yellow", "capability_kw": 2000}],
    }

    def problems(self) -> Iterator[str]:
        """A capability goes with yellow, and only with yellow."""
        for place, row in enumerate(self.lights):
            if row.colour == "yellow" and row.capability_kw is None:
                yield f"lights[{place}]: yellow needs a capability_kw"
            if row.colour != "yellow" and row.capability_kw is not None:
                yield f"lights[{place}]: {row.colour} has no capability_kw; leave it out, or write yellow"

    def run(self, function: Callable[..., Any]) -> Outcome:
        """Limit the components of each perimeter, direction and hour together."""
        lights = {(row.perimeter, row.direction, row.hour): row for row in self.lights}
        groups: dict[tuple[str, Direction, int], list[int]] = {}
        for place, row in enumerate(self.components):
            groups.setdefault((row.perimeter, row.direction, row.hour), []).append(place)
        limited = np.zeros(len(self.components))
        for key, places in groups.items():
            rows = [self.components[place] for place in places]
            quantity = [row.quantity_kw for row in rows]
            capability = _capability_kw(lights.get(key), sum(quantity))
            limited[places] = function(quantity, capability, [row.price_eur_per_kwh for row in rows])
        left = [tidy(value) for value in limited]
        components = tuple(
            LimitedRow(**row.model_dump(exclude={"price_eur_per_kwh"}), limited_kw=kw)
            for row, kw in zip(self.components, left, strict=True)
        )
        cut = [row.quantity_kw - kw for row, kw in zip(self.components, left, strict=True)]
        return Outcome(Limited(components=components, bids=tuple(_bids(components))), Accounts.of(left, cut))


def _capability_kw(light: LightRow | None, offered_kw: float) -> float:
    if light is None:
        return offered_kw
    return float(usable_kw(Colour[light.colour.upper()], offered_kw, light.capability_kw or 0.0))


def _bids(components: tuple[LimitedRow, ...]) -> Iterator[BidRow]:
    for bid, direction, hour in dict.fromkeys((row.bid, row.direction, row.hour) for row in components):
        mine = [row for row in components if (row.bid, row.direction, row.hour) == (bid, direction, hour)]
        yield BidRow(
            bid=bid, direction=direction, hour=hour, quantity_kw=tidy(sum(row.quantity_kw for row in mine)),
            limited_kw=tidy(sum(row.limited_kw for row in mine)),
        )  # fmt: skip
