"""The faces of the rules by which members of a community share what it saves: what each pays."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from data.arrays import F64
from experiments.rules.clearing import tidy
from experiments.rules.face import Accounts, Face, Name, Outcome, Row
from experiments.scenario.fields import Part, given
from markets.community.exchange import cost_eur
from markets.community.shapley import MOST_MEMBERS


class PaidRow(Row):
    """What a member pays."""

    member: str
    """Who."""
    alone_eur: float = given(unit="EUR")
    """Without the community."""
    pays_eur: float = given(unit="EUR")
    """Inside."""
    saves_eur: float = given(unit="EUR")
    """The difference; negative: it pays more than alone."""


class Shared(Row):
    """What members pay."""

    members: tuple[PaidRow, ...]
    """Every member, in the order given."""
    saves_eur: float = given(unit="EUR")
    """Of all together."""


class SharingFace(Face):
    """Members of a community."""

    result: ClassVar[type[Part]] = Shared
    accounted: ClassVar[str] = "EUR"
    table: ClassVar[str] = "members"

    def _shared(self, names: Sequence[str], alone: F64, pays: F64) -> Outcome:
        saves = alone - pays
        rows = tuple(
            PaidRow(member=name, alone_eur=tidy(alone[k]), pays_eur=tidy(pays[k]), saves_eur=tidy(saves[k]))
            for k, name in enumerate(names)
        )
        shared = Shared(members=rows, saves_eur=tidy(float(saves.sum())))
        return Outcome(shared, Accounts.of(np.abs(saves).tolist(), [0.0]))


class CostRow(Row):
    """A member's cost."""

    member: Name
    """Who; once."""
    alone_eur: float = given(unit="EUR")
    """What it would pay without the community."""
    inside_eur: float = given(unit="EUR")
    """What it pays by internal prices."""


class TwoStage(SharingFace):
    """Members with what they pay alone and inside."""

    members: tuple[CostRow, ...] = given(min_length=1)
    """Costs of each."""

    unique: ClassVar[Mapping[str, tuple[str, ...]]] = {"members": ("member",)}
    example: ClassVar[Mapping[str, Any]] = {
        "members": [
            {"member": "home-1", "alone_eur": 10.0, "inside_eur": 7.0},
            {"member": "home-2", "alone_eur": 8.0, "inside_eur": 7.0},
            {"member": "home-3", "alone_eur": 5.0, "inside_eur": 6.0},
        ],
    }

    def problems(self) -> Iterator[str]:
        """There is something to share."""
        more = sum(row.inside_eur - row.alone_eur for row in self.members)
        if more > 1e-9:
            yield f"members: together they pay {more:.6g} EUR more inside than alone; no sharing keeps everybody from paying more"

    def run(self, function: Callable[..., Any]) -> Outcome:
        """Correct what members pay."""
        alone, inside = (np.array([getattr(row, name) for row in self.members]) for name in ("alone_eur", "inside_eur"))
        return self._shared([row.member for row in self.members], alone, function(alone, inside))


class NetRow(Row):
    """A member's net load in an interval."""

    member: Name
    """Who; once an interval."""
    interval: int = given(0, source="one interval", ge=0)
    """Which."""
    net_kwh: float = given(unit="kWh")
    """At its meter; consuming is positive."""


class NetSharing(SharingFace):
    """Net loads of members, with one retailer."""

    buy_eur_per_kwh: float = given(unit="EUR/kWh")
    """What a kWh from the grid costs."""
    sell_eur_per_kwh: float = given(unit="EUR/kWh")
    """What a kWh to it earns; not above the buying price."""
    members: tuple[NetRow, ...] = given(min_length=1)
    """Net load of each and every interval; one that is not given is 0."""

    unique: ClassVar[Mapping[str, tuple[str, ...]]] = {"members": ("member", "interval")}
    example: ClassVar[Mapping[str, Any]] = {
        "buy_eur_per_kwh": 0.20,
        "sell_eur_per_kwh": 0.05,
        "members": [
            {"member": "home-1", "net_kwh": 4.0},
            {"member": "home-2", "net_kwh": 6.0},
            {"member": "home-3", "net_kwh": -5.0},
        ],
    }

    def problems(self) -> Iterator[str]:
        """Selling does not beat buying."""
        if self.sell_eur_per_kwh > self.buy_eur_per_kwh:
            yield (
                f"sell_eur_per_kwh: {self.sell_eur_per_kwh:g} is above the buying price {self.buy_eur_per_kwh:g}; "
                "selling must not beat buying"
            )

    def net(self) -> tuple[list[str], F64]:
        """Names and net loads, (n, T) [kWh]."""
        names = list(dict.fromkeys(row.member for row in self.members))
        intervals = sorted({row.interval for row in self.members})
        net = np.zeros((len(names), len(intervals)))
        for row in self.members:
            net[names.index(row.member), intervals.index(row.interval)] = row.net_kwh
        return names, net

    def alone(self, net: F64) -> F64:
        """What each would pay alone."""
        return np.array([cost_eur(row[None, :], self.buy_eur_per_kwh, self.sell_eur_per_kwh) for row in net])


class BillSharing(NetSharing):
    """Net loads of members, with one retailer."""

    def run(self, function: Callable[..., Any]) -> Outcome:
        """Cut the community's bill."""
        names, net = self.net()
        return self._shared(names, self.alone(net), function(net, self.buy_eur_per_kwh, self.sell_eur_per_kwh))


class ShapleyValue(NetSharing):
    """Net loads of members, with one retailer."""

    share_eur_per_kwh: float = given(0.0, unit="EUR/kWh", source="no grid tariff for shared energy", ge=0)
    """Grid tariff of a kWh that a member buys from another."""

    def problems(self) -> Iterator[str]:
        """All coalitions can be worked out."""
        yield from super().problems()
        count = len({row.member for row in self.members})
        if count > MOST_MEMBERS:
            yield f"members: {count} members make {2**count} coalitions; the value is worked out for up to {MOST_MEMBERS}"

    def run(self, function: Callable[..., Any]) -> Outcome:
        """What each adds to a coalition."""
        names, net = self.net()
        value = function(net, self.buy_eur_per_kwh, self.sell_eur_per_kwh, self.share_eur_per_kwh)
        alone = self.alone(net)
        return self._shared(names, alone, alone - value)
