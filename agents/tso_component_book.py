"""What the TSO keeps of a session: versions of bids and their components, and what DSOs stated of their perimeters.

A bid is in force in its last version of which both came before the gate: what it offers, at the market operator, and its components, valid. An older
version that travelled longer than a newer one replaces nothing; the same version again changes nothing; the same version with another content is refused.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from data.arrays import F64, I64
from environment.messages.global_market import AsmBid, ComponentMessage, DsoConstraint, LocalPlan
from markets.global_bids import SUM_TOLERANCE_KW, BidComponents, faults
from markets.global_session import Components, Lights
from markets.traffic_light import HOURS_OF_DAY

WAYS = ("up", "down")


@dataclass(frozen=True)
class _Version:
    """A version of a bid's components that stands."""

    record: ComponentMessage
    received_ms: int


def components_of(record: ComponentMessage) -> BidComponents:
    """The message as the rules take it; what cannot be cut in 24 a perimeter is given to them as it came."""
    n = max(len(record.perimeters), 1)

    def cut(values: F64) -> dict[str, Sequence[float]]:
        parts = np.array_split(values, n) if len(values) % n else values.reshape(n, -1)
        return {name: part.tolist() for name, part in zip(record.perimeters, parts, strict=False)}

    return BidComponents(
        uva=record.uva, direction=record.direction, validity_s=record.validity_s, timestamp_s=record.timestamp_s, zone=record.zone,
        quantity_kw=record.quantity_kw.tolist(), baseline_kw=record.baseline_kw.tolist(), components_kw=cut(record.components_kw),
        unavailable_kw=cut(record.unavailable_kw),
    )  # fmt: skip


class ComponentBook:
    """Versions of bids and of their components.

    Args:
        gate_ms: what comes at it or later does not count.
    """

    def __init__(self, gate_ms: int) -> None:
        self._gate_ms = gate_ms
        self._versions: dict[str, dict[int, _Version]] = {}
        self._asm: dict[str, dict[int, AsmBid]] = {}
        self._owner: dict[str, str] = {}

    def take_bid(self, record: AsmBid) -> None:
        """Keep what the market operator, or the bidder, says is bid."""
        self._asm.setdefault(record.bid, {})[record.version] = record

    def take(
        self, record: ComponentMessage, received_ms: int, reasons: Iterable[str], restricted: Iterable[str] = ()
    ) -> tuple[str, tuple[str, ...]]:
        """Take components in, or say why not.

        Args:
            record: as received.
            received_ms: when.
            reasons: what is wrong with it by who sent it.
            restricted: perimeters of the bidder that are yellow or red.

        Returns:
            ``taken``, ``repeated``, ``late`` or ``refused``, and all that is wrong.
        """
        wrong = [*reasons, *faults(components_of(record), restricted)]
        known = self._versions.get(record.bid, {})
        if self._owner.get(record.bid, record.bsp) != record.bsp:
            wrong.append(f"the bid is {self._owner[record.bid]}'s")
        if record.version in known and not _same(known[record.version].record, record):
            wrong.append(f"version {record.version} is there already with another content")
        if wrong:
            return "refused", tuple(wrong)
        if record.version in known:
            return "repeated", ()
        if received_ms >= self._gate_ms:
            return "late", (f"received {(received_ms - self._gate_ms) / 1000:g} s after the gate closed",)
        self._owner[record.bid] = record.bsp
        self._versions.setdefault(record.bid, {})[record.version] = _Version(record, received_ms)
        return "taken", ()

    def version_of(self, bid: str) -> int:
        """Version in force, 0 if none is."""
        both = set(self._versions.get(bid, {})) & set(self._asm.get(bid, {}))
        agreeing = [v for v in both if _agree(self._versions[bid][v].record, self._asm[bid][v])]
        return max(agreeing, default=0)

    def first_kw(self, bid: str, perimeter: str) -> F64:
        """A component as it was bid first, before any constraint changed it, (24,)."""
        versions = self._versions[bid]
        record = versions[min(versions)].record
        if perimeter not in record.perimeters:
            return np.zeros(HOURS_OF_DAY)
        kw = record.components_kw.reshape(-1, HOURS_OF_DAY)
        return np.asarray(kw[record.perimeters.index(perimeter)])

    def excluded(self) -> dict[str, str]:
        """Bids that cannot enter a clearing, with the reason."""
        found = {}
        for bid in sorted({*self._versions, *(name for name, ones in self._asm.items() if not _is_unit(ones))}):
            if self.version_of(bid):
                continue
            if bid not in self._asm:
                found[bid] = "its components came, but no such bid is at the market operator"
            elif bid not in self._versions:
                found[bid] = "it has no valid components"
            else:
                found[bid] = "no version has both a bid and components that sum up to it"
        return found

    def units(self) -> list[AsmBid]:
        """Last versions of the bids of units, by name."""
        return [self._asm[bid][max(self._asm[bid])] for bid in sorted(self._asm) if _is_unit(self._asm[bid])]

    def price_of(self, bid: str) -> float:
        """What a bid asks, 0 as long as it is not known."""
        versions = self._asm.get(bid)
        return versions[max(versions)].price_eur_per_kwh if versions else 0.0

    def offered(self, *, provisional: bool = False) -> Components:
        """Components in force, by time of receipt; provisionally also those whose bid is not known yet."""
        rows = []
        for bid, versions in self._versions.items():
            version = self.version_of(bid) or (max(versions) if provisional else 0)
            if version:
                rows.append((versions[version].received_ms, bid, versions[version].record))
        rows.sort(key=lambda row: row[:2])
        flat = [(received, one, name, kw) for received, _, one in rows for name, kw in zip(one.perimeters, one.components_kw.reshape(-1, HOURS_OF_DAY), strict=True)]  # fmt: skip
        text = [
            [one.bid for _, one, _, _ in flat],
            [one.bsp for _, one, _, _ in flat],
            [name for _, _, name, _ in flat],
        ]
        bid_names, bsps, areas = (np.array(values, np.str_) if values else np.zeros(0, "U1") for values in text)
        return Components(
            bid_names, bsps, areas, np.array([one.direction == "up" for _, one, _, _ in flat], bool),
            np.array([self.price_of(one.bid) for _, one, _, _ in flat], np.float64), np.array([at for at, *_ in flat], np.int64),
            np.array([kw for *_, kw in flat], np.float64).reshape(-1, HOURS_OF_DAY),
        )  # fmt: skip


def _is_unit(versions: dict[int, AsmBid]) -> bool:
    return any(one.node for one in versions.values())


def _same(one: ComponentMessage, other: ComponentMessage) -> bool:
    names = one.__struct_fields__
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def _agree(components: ComponentMessage, asm: AsmBid) -> bool:
    """Whether components belong to what is bid: same direction, same bidder, same quantity."""
    close = (
        np.abs(components.quantity_kw - asm.quantity_kw).max() <= SUM_TOLERANCE_KW
        if len(asm.quantity_kw) == HOURS_OF_DAY
        else False
    )
    return bool(close) and (components.bsp, components.direction) == (asm.bsp, asm.direction)


@dataclass(frozen=True)
class _Statement:
    record: DsoConstraint
    received_ms: int
    message: int


class ConstraintBook:
    """What DSOs stated of their perimeters.

    Args:
        perimeters: of all DSOs.
    """

    def __init__(self, perimeters: Sequence[str]) -> None:
        self._perimeters = tuple(perimeters)
        self._place = {name: k for k, name in enumerate(perimeters)}
        self._statements: dict[tuple[str, str], list[_Statement]] = {}
        self._frozen: dict[tuple[str, str], _Statement] = {}
        self._names: set[str] = set()
        self.is_frozen = False
        self.need_kw: F64 = np.zeros((2, len(perimeters), HOURS_OF_DAY))

    def take(self, record: DsoConstraint, received_ms: int, message: int) -> bool:
        """Keep a statement; whether it is a new one."""
        if record.constraint in self._names:
            return False
        self._names.add(record.constraint)
        self._statements.setdefault((record.perimeter, record.direction), []).append(
            _Statement(record, received_ms, message)
        )
        return True

    def plan(self, record: LocalPlan) -> None:
        """Keep what a DSO plans to use itself."""
        self.need_kw[WAYS.index(record.direction), self._place[record.perimeter]] = record.needed_kw

    def freeze(self, by_ms: int) -> None:
        """The last statement of each perimeter and direction that came in time is the session's."""
        for key, statements in self._statements.items():
            in_time = [one for one in statements if one.received_ms < by_ms]
            if in_time:
                self._frozen[key] = in_time[-1]
        self.is_frozen = True

    @property
    def restricted(self) -> frozenset[str]:
        """Perimeters that are yellow or red in an hour by the last statement of each."""
        last = {key: statements[-1].record for key, statements in self._statements.items()}
        return self._lights(last).restricted

    @property
    def messages(self) -> list[int]:
        """Ids of the messages that are the session's."""
        return sorted(one.message for one in self._frozen.values())

    def name_of(self, perimeter: str, direction: str) -> str:
        """Id of the statement that holds; empty: none came in time, and the perimeter is green."""
        found = self._frozen.get((perimeter, direction))
        return found.record.constraint if found else ""

    @property
    def lights(self) -> Lights:
        """What holds in the session."""
        return self._lights({key: one.record for key, one in self._frozen.items()})

    def single(self, record: DsoConstraint) -> Lights:
        """One statement alone, all else green."""
        return self._lights({(record.perimeter, record.direction): record})

    def _lights(self, records: dict[tuple[str, str], DsoConstraint]) -> Lights:
        shape = (2, len(self._perimeters), HOURS_OF_DAY)
        colour: I64 = np.zeros(shape, np.int64)
        capability = np.zeros(shape)
        for (perimeter, direction), record in records.items():
            at = (WAYS.index(direction), self._place[perimeter])
            colour[at], capability[at] = record.colour.astype(np.int64), record.capability_kw
        return Lights(self._perimeters, colour, capability)
