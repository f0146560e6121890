"""A day of the global market as it was bid and limited in a run -> the situation that every coordination scheme is given.

Bids are those of the session as they were made first: that a bidder moved or lowered its own because of a light belongs to the scheme with lights.
Limits and needs are those stated for the session.
"""

from typing import Any, NamedTuple

import numpy as np

from data.arrays import F64, I64
from experiments.errors import CoflexError
from experiments.results.frame import Frame
from markets.coordination.situation import Situation, WantColumns
from markets.global_session import Components, Lights, Networks, situation, stated_limits
from markets.traffic_light import HOURS_OF_DAY

HOUR_MS = 3_600_000
NEEDED = (
    "bid_components",
    "global_bids",
    "perimeter_limits",
    "perimeter_nodes",
    "line_reliefs",
    "line_limits",
    "system_needs",
)


WANTED = "commercial_purchases"
"""What commercial parties wanted, where there are any."""


class Day(NamedTuple):
    """One session of a run.

    Attributes:
        session: its name.
        case: what was bid and wanted.
        offer_of_bid: number of the offer that each bid is an hour of, (n,).
    """

    session: str
    case: Situation
    offer_of_bid: I64


def days_of(tables: Any, folder: str) -> list[Day]:
    """The sessions of a run, in the order of their names.

    Args:
        tables: of the run, by name.
        folder: to name in an error.

    Raises:
        CoflexError: the run had no session of a global market.
    """
    frames = {name: tables.get(name) for name in (*NEEDED, WANTED)}
    missing = [name for name in NEEDED if frames[name] is None or not frames[name].num_rows]
    if "global_bids" in missing or "perimeter_limits" in missing or "system_needs" in missing:
        msg = f"{folder}: no session of a global market was held in this run (no rows in {', '.join(missing)}); run traffic-light-day"
        raise CoflexError(msg)
    known = {name: Frame(table) for name, table in frames.items() if table is not None}
    sessions = sorted(set(known["global_bids"].names("session").tolist()))
    return [
        _day(session, {name: one.where(one.names("session") == session) for name, one in known.items()})
        for session in sessions
    ]


def _day(session: str, frames: dict[str, Frame]) -> Day:
    t_ms = int(frames["system_needs"].ints("t_ms").min())
    offered = _offered(frames, t_ms)
    lights, need_kw, dso_of = _stated(frames["perimeter_limits"], t_ms)
    networks = _networks(frames, lights, need_kw, dso_of, offered, t_ms)
    case, component, _ = situation(offered, lights, networks, _wants(frames.get(WANTED), t_ms))
    return Day(session, case, component)


def _wants(frame: Frame | None, t_ms: int) -> WantColumns | None:
    """What commercial parties would have bought; None where nobody would."""
    if frame is None:
        return None
    return WantColumns(
        frame.names("buyer"), frame.names("direction") == "up", _hours(frame, t_ms), frame.floats("wanted_kw"), frame.floats("value_eur_per_kwh"),
    )  # fmt: skip


def _hours(frame: Frame, t_ms: int) -> I64:
    return (frame.ints("t_ms") - t_ms) // HOUR_MS


def _offered(frames: dict[str, Frame], t_ms: int) -> Components:
    """Components as bid, and units as they entered the clearing: no light changes these."""
    bids, area_names = frames["global_bids"], frames["global_bids"].names("area")
    components = frames.get("bid_components")
    local = components.names("perimeter") if components is not None else np.zeros(0, "U1")
    units = bids.where(
        ~np.isin(area_names, np.unique(local)) & ~np.isin(area_names, frames["perimeter_limits"].names("perimeter"))
    )
    parts = [_part(units, "area", "validated_kw", t_ms)]
    if components is not None:
        parts.append(_part(components, "perimeter", "first_kw", t_ms))
    return Components(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in Components.__dataclass_fields__)
    )


def _part(frame: Frame, place: str, quantity: str, t_ms: int) -> Components:
    """Rows of hours -> one component for each bid and area."""
    names, areas = frame.names("bid"), frame.names(place)
    _, first, of_row = np.unique(np.char.add(np.char.add(names, "|"), areas), return_index=True, return_inverse=True)
    kw = np.zeros((len(first), HOURS_OF_DAY))
    kw[of_row, _hours(frame, t_ms)] = frame.floats(quantity)
    return Components(
        names[first], frame.names("bsp")[first], areas[first], frame.names("direction")[first] == "up", frame.floats("price_eur_per_kwh")[first],
        frame.ints("received_ms")[first], kw,
    )  # fmt: skip


def _stated(frame: Frame, t_ms: int) -> tuple[Lights, F64, dict[str, str]]:
    """Lights and own needs of perimeters, and whose each is."""
    names, of_row = np.unique(frame.names("perimeter"), return_inverse=True)
    shape = (2, len(names), HOURS_OF_DAY)
    colour, capability, need = np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape)
    at = ((frame.names("direction") == "down").astype(np.int64), of_row, _hours(frame, t_ms))
    colour[at], capability[at], need[at] = (
        frame.ints("colour"),
        frame.floats("capability_kw"),
        frame.floats("needed_kw"),
    )
    whose = dict(zip(frame.names("perimeter").tolist(), frame.names("dso").tolist(), strict=True))
    return Lights(tuple(names.tolist()), colour, capability), need, whose


def _networks(
    frames: dict[str, Frame], lights: Lights, need_kw: F64, dso_of: dict[str, str], offered: Components, t_ms: int
) -> Networks:
    needs, reliefs, limits = frames["system_needs"], frames["line_reliefs"], frames["line_limits"]
    behind = dict(
        zip(
            frames["perimeter_nodes"].names("perimeter").tolist(),
            frames["perimeter_nodes"].names("node").tolist(),
            strict=True,
        )
    )
    dsos = sorted(set(dso_of.values()))
    tso = next(name for name in needs.names("operator").tolist() if name not in dsos)
    operators = (tso, *dsos)
    number = {name: k for k, name in enumerate(operators)}
    nodes = sorted(
        {*reliefs.names("node").tolist(), *behind.values(), *(set(offered.area.tolist()) - set(lights.perimeters))}
    )
    place, lines = {name: k for k, name in enumerate(nodes)}, sorted(set(reliefs.names("line").tolist()))
    line = {name: k for k, name in enumerate(lines)}
    relief = np.zeros((len(lines), len(nodes)))
    relief[_at(reliefs, "line", line), _at(reliefs, "node", place)] = reliefs.floats("kw_per_kw")
    low, high = np.full((len(lines), HOURS_OF_DAY), -np.inf), np.full((len(lines), HOURS_OF_DAY), np.inf)
    at = (_at(limits, "line", line), _hours(limits, t_ms))
    low[at], high[at] = limits.floats("low_kw"), limits.floats("high_kw")
    short = np.zeros((len(operators), HOURS_OF_DAY))
    short[_at(needs, "operator", number), _hours(needs, t_ms)] = needs.floats("short_kw")
    of_perimeter = np.array([number[dso_of[name]] for name in lights.perimeters], np.int64)
    count = len(lights.perimeters)
    local_low, local_high = stated_limits(lights, need_kw)
    return Networks(
        operators=operators, areas=(*lights.perimeters, *nodes),
        operator_of_area=np.concatenate([of_perimeter, np.zeros(len(nodes), np.int64)]),
        node_of_area=np.array([*(place[behind[name]] for name in lights.perimeters), *range(len(nodes))], np.int64), lines=tuple(lines),
        line_relief=relief, line_low_kw=low, line_high_kw=high, imbalance_kw=short, local=lights.perimeters, operator_of_local=of_perimeter,
        local_relief=np.concatenate([np.eye(count), np.zeros((count, len(nodes)))], axis=1), local_low_kw=local_low, local_high_kw=local_high,
    )  # fmt: skip


def _at(frame: Frame, column: str, place: dict[str, int]) -> I64:
    return np.array([place[name] for name in frame.names(column).tolist()], np.int64)
