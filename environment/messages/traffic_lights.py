"""Messages of dynamic traffic lights: limits of perimeters, lights, and who asks for them (SUC08.3, SUC10.2).

A light is a day of one DSO perimeter, hour by hour, in both directions. Capabilities are at least 0 in both directions.
"""

from typing import Annotated, ClassVar

from environment.messages.base import Item, Profile, Record

Source = tuple[tuple[str, str], ...]


class GridConstraint(Record, frozen=True, kw_only=True):
    """The largest flexibility of a perimeter that the network bears in each hour, from technical platform to DERMS."""

    source: ClassVar[Source] = (("SUC10.2", "4"),)
    perimeter: Annotated[str, Item("grid element id code", catalogue="near-to-real-time grid status result")]
    from_ms: Annotated[int, Item("start of the first hour [ms]")]
    up_kw: Annotated[Profile, Item("largest upward power, by hour [kW]", ge=0)]
    down_kw: Annotated[Profile, Item("largest downward power, by hour, as a positive number [kW]", ge=0)]
    static_up_kw: Annotated[float, Item("what static values admit upward [kW]", ge=0)]
    static_down_kw: Annotated[float, Item("what static values admit downward, as a positive number [kW]", ge=0)]
    tighter: Annotated[bool, Item("less than the static value in some hour, or no longer so")]
    equal: Annotated[bool, Item("the static value in all hours")]


class DynamicLight(Record, frozen=True, kw_only=True):
    """The dynamic traffic light of a perimeter: colour and, where yellow, capability of each hour.

    ``newer`` is false where nothing newer than the static values was told: they hold, and every hour is green.
    """

    source: ClassVar[Source] = (("SUC10.2", "2"), ("SUC08.3", "2"))
    perimeter: Annotated[str, Item("grid element id code", catalogue="DSO perimeter")]
    dso: Annotated[str, Item("whose perimeter")]
    from_ms: Annotated[int, Item("start of the first hour [ms]", catalogue="hour")]
    colour_up: Annotated[Profile, Item("0 green, 1 yellow, 2 red, by hour", ge=0, le=2, catalogue="colour")]
    colour_down: Annotated[Profile, Item("0 green, 1 yellow, 2 red, by hour", ge=0, le=2, catalogue="colour")]
    capability_up_kw: Annotated[
        Profile, Item("upward power that may be used, by hour [kW]", ge=0, catalogue="capability")
    ]
    capability_down_kw: Annotated[
        Profile,
        Item("downward power that may be used, by hour, as a positive number [kW]", ge=0, catalogue="capability"),
    ]
    newer: Annotated[bool, Item("it is newer than the static values")]


class LightNotice(Record, frozen=True, kw_only=True):
    """The platform tells that an operator has published lights of a day."""

    source: ClassVar[Source] = ()
    dso: Annotated[str, Item("whose lights")]
    from_ms: Annotated[int, Item("start of the day [ms]")]
    perimeters: Annotated[tuple[str, ...], Item("perimeters that they are of")]
    points: Annotated[tuple[str, ...], Item("points that they are of")]


class LightQuery(Record, frozen=True, kw_only=True):
    """Somebody asks the platform for a light: of a perimeter on a day, or the static one of a point."""

    source: ClassVar[Source] = ()
    subject: Annotated[str, Item("grid element id code, or point")]
    static: Annotated[bool, Item("the static light of a point")]
    from_ms: Annotated[int, Item("start of the day [ms]")]
