"""Rows of the Flexibility Register's database as the life cycle's records and as messages, and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from environment.messages.flexibility_register import FlexibilityData, StaticLight
from environment.messages.traffic_lights import DynamicLight
from environment.units import MS_PER_H
from markets.registers.flexibility_register import GLOBAL, ConnectionPoint, Pool, Qualification, Status
from markets.traffic_light import Colour


def point_of(row: Mapping[str, Any]) -> ConnectionPoint:
    """A point as the database holds it."""
    return ConnectionPoint(**{**row, "status": Status(row["status"])})


def static_light(point: ConnectionPoint) -> StaticLight:
    """What the register holds of a point's examination."""
    up, down = (Colour(light).name.lower() for light in point.lights)
    return StaticLight(
        gcp=point.gcp, bsp=point.bsp, dso=point.dso, grid_element=point.grid_element, light_up=up, light_down=down,
        validated_up_kw=point.validated_up_kw, validated_down_kw=point.validated_down_kw, treatment=point.treatment,
    )  # fmt: skip


def flexibility_data(pool: Pool, seen: Mapping[str, ConnectionPoint]) -> FlexibilityData:
    """A pool as somebody may see it, who sees these points."""
    members = [seen[gcp] for gcp in pool.points if gcp in seen]
    return FlexibilityData(
        pool=pool.pool, bsp=pool.bsp, dso=members[0].dso, points=tuple(one.gcp for one in members),
        up_kw=sum(one.validated_up_kw for one in members), down_kw=sum(one.validated_down_kw for one in members),
        qualified=pool.services.get(GLOBAL) is Qualification.QUALIFIED,
    )  # fmt: skip


def rows_of_light(light: DynamicLight, sent_ms: int) -> list[dict[str, Any]]:
    """Rows of the database: an hour and direction each."""
    rows = []
    for direction, colours, kw in (
        ("up", light.colour_up, light.capability_up_kw), ("down", light.colour_down, light.capability_down_kw),
    ):  # fmt: skip
        for hour, (colour, capability) in enumerate(zip(np.asarray(colours).tolist(), kw.tolist(), strict=True)):
            rows.append(
                {"perimeter": light.perimeter, "hour_ms": light.from_ms + hour * MS_PER_H, "direction": direction,
                 "colour": Colour(int(colour)).name.lower(), "capability_kw": capability, "sent_ms": sent_ms}
            )  # fmt: skip
    return rows
