"""What the DSO chooses of its standing contracts, where there is no market: at least cost, within what the grid bears (SUC06.1 step 1.4).

The rule is that of a market's clearing, a pure function: what an FSP has available is an offer at the price of its contract.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from agents.dso_contracts import Contracts, Lot
from agents.dso_need import Need
from agents.settlement import contract_name
from data.arrays import F64, I64
from environment.messages.procurement import FlexibilityAvailability
from environment.units import Direction
from markets.bids import BidColumns, NeedColumns, Sensitivities, names
from markets.clearing.outcome import Clearing


class Reports:
    """The latest report of what each FSP has available in each area, with the instant of its receipt [ms]."""

    def __init__(self) -> None:
        self._latest: dict[tuple[str, str], tuple[int, FlexibilityAvailability]] = {}

    def note(self, fsp: str, record: FlexibilityAvailability, received_ms: int) -> None:
        """Keep a report; it replaces an earlier one."""
        before = self._latest.get((fsp, record.area))
        if before is None or before[0] <= received_ms:
            self._latest[fsp, record.area] = received_ms, record

    @property
    def fsps(self) -> list[str]:
        """Who has reported, sorted."""
        return sorted({fsp for fsp, _ in self._latest})

    def available(self, direction: str, t_ms: I64, since_ms: int) -> dict[tuple[str, str], F64]:
        """(FSP, area) -> what is available at some starts [kW], (len(t_ms),): 0 where no report of ``since_ms`` or later speaks of it."""
        found = {}
        for key, (received_ms, record) in sorted(self._latest.items()):
            kw = record.up_kw if direction == "up" else record.down_kw
            place = (t_ms - record.from_ms) // round(record.step_s * 1000)
            known = (place >= 0) & (place < len(kw)) & (received_ms >= since_ms)
            found[key] = np.where(known, kw[np.clip(place, 0, max(len(kw) - 1, 0))] if len(kw) else 0.0, 0.0)
        return found


def least_cost(
    clear: Callable[..., Clearing], contracts: Contracts, needs: Sequence[Need], guards: Sequence[Need], block: slice, t_ms: I64,
    hours: float, cap_eur_per_kwh: float,
) -> tuple[list[Lot], F64]:  # fmt: skip
    """What to order beyond what is called already: the lots that may be called, and how much of each, shape (lots, T) [kW].

    Args:
        clear: a rule of ``markets.clearing``.
        contracts: what may be called.
        needs: the elements in need.
        guards: elements that need nothing but must not be brought to their limit.
        block: intervals of the window.
        t_ms: their starts, shape (T,).
        hours: length of an interval.
        cap_eur_per_kwh: what relief is worth at most.
    """
    lots = contracts.usable(block)
    open_kw = contracts.open_kw(lots, block) if lots else np.zeros((0, len(t_ms)))
    places = np.argwhere(open_kw > 0.0)
    ordered = np.zeros(open_kw.shape)
    if not len(places):
        return lots, ordered
    up = needs[0].direction == "up"
    bids = BidColumns(
        names(f"{lots[row].name}#{k:03d}" for row, k in places),
        names(lots[row].fsp for row, _ in places),
        names(lots[row].area for row, _ in places),
        np.full(len(places), up),
        t_ms[places[:, 1]],
        open_kw[places[:, 0], places[:, 1]],
        np.array([lots[row].price_eur_per_kwh for row, _ in places]),
        np.zeros(len(places), np.int64),
        np.zeros(len(places)),
        np.ones(len(places), bool),
    )
    elements = [*needs, *guards]
    areas = tuple(sorted({lot.area for lot in lots}))
    network = Sensitivities.of(tuple(one.constraint for one in elements), areas, [one.sensitivity for one in elements])
    moved = [contracts.moved_kw(one, block) for one in elements]
    left = [
        (one.constraint, up, np.maximum(one.need_kw[block] - kw, 0.0)) for one, kw in zip(needs, moved, strict=False)
    ]
    room = [row for one, kw in zip(elements, moved, strict=True) for row in _room(one, kw if up else -kw, block)]
    outcome = clear(
        bids, _rows(left, t_ms), network, hours=hours, unmet_eur_per_kwh=cap_eur_per_kwh, headrooms=_rows(room, t_ms)
    )
    ordered[places[:, 0], places[:, 1]] = outcome.accepted_kw
    return lots, ordered


def _room(element: Need, moved_up_kw: F64, block: slice) -> list[tuple[str, bool, F64]]:
    """What an element still bears of each direction, once what is called has moved it."""
    up, down = element.headroom.up_kw[block] - moved_up_kw, element.headroom.down_kw[block] + moved_up_kw
    return [(element.constraint, True, np.maximum(up, 0.0)), (element.constraint, False, np.maximum(down, 0.0))]


def _rows(rows: Sequence[tuple[str, bool, F64]], t_ms: I64) -> NeedColumns:
    """One row for each element, direction and interval."""
    steps = len(t_ms)
    return NeedColumns(
        np.repeat(names(name for name, _, _ in rows), steps),
        np.repeat(np.array([up for _, up, _ in rows], bool), steps),
        np.tile(t_ms, len(rows)),
        np.concatenate([np.zeros(0), *(kw for _, _, kw in rows)]),
    )


def standing_lots(
    dso: str, available: Mapping[tuple[str, str], F64], eur_per_kwh: Mapping[str, float], direction: Direction, from_ms: int,
    contracts: Contracts,
) -> list[Lot]:  # fmt: skip
    """What may be called of each standing contract in a window: what is available beside what is called of it already."""
    found = []
    for (fsp, area), kw in available.items():
        name = contract_name(dso, fsp, area)
        called = contracts.called_kw(name) if contracts.lots else np.zeros(len(kw))
        found.append(Lot(name, name, fsp, area, direction, from_ms, called + kw, eur_per_kwh[fsp]))
    return found
