"""Figures of people, money, messages and use cases."""

from typing import Final

import numpy as np

from data.arrays import F64, I64
from data.copies import original
from experiments.kpis.facts import Facts, total
from experiments.kpis.grid import Figure
from experiments.kpis.homes import served

KINDS: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    ("dso", frozenset({"dso"})),
    ("fsps", frozenset({"fsp", "aggregator", "bsp"})),
    ("homes", frozenset({"prosumer", "consumer"})),
    ("retailer", frozenset({"retailer"})),
    ("state", frozenset({"state"})),
)
"""Kinds of party by the actors that their addresses play; the first that fits. The rest is ``others``."""

PLATFORMS: Final = (
    frozenset({"gdbn"}),
    frozenset({"flexibility-market-platform", "lfmo"}),
    frozenset({"fsp-technical-platform"}),
)
"""Actors of the platforms that messages are counted by; a message between two platforms counts for the first."""

_FLEXIBLE: Final = ("battery", "ev", "heat_pump", "water_heater")


def party_kinds(facts: Facts) -> dict[str, str]:
    """Kind (dso, fsps, homes, retailer, state, others) of every party and every address."""
    frame = facts.all("addresses")
    if frame is None:
        return {}
    plays: dict[str, set[str]] = {}
    parties = frame.names("party").tolist()
    for party, actors in zip(parties, frame.table.column("actors").to_pylist(), strict=True):
        plays.setdefault(party, set()).update(actors)
    kinds = {party: _kind(party, actors) for party, actors in plays.items()}
    return {a: kinds[p] for a, p in zip(frame.names("address").tolist(), parties, strict=True)} | kinds


def _kind(party: str, actors: set[str]) -> str:
    # the catalogue knows no state, so its party is known by its name
    return next((kind for kind, ids in KINDS if actors & ids or original(party) == kind == "state"), "others")


def money(kind: str) -> Figure:
    """What the parties of a kind received less what they paid, over all entries of the ledger [EUR]."""

    def figure(facts: Facts) -> float | None:
        ledger, kinds = facts.all("ledger"), party_kinds(facts)
        if ledger is None or kind not in {*kinds.values(), "others"}:
            return None
        eur = ledger.floats("eur")
        got = _of_kind(ledger.codes("creditor"), kinds, kind)
        paid = _of_kind(ledger.codes("debtor"), kinds, kind)
        return float((eur * got).sum() - (eur * paid).sum())

    return figure


def _of_kind(column: tuple[I64, list[str]], kinds: dict[str, str], kind: str) -> F64:
    codes, labels = column
    return np.array([float(kinds.get(label, "others") == kind) for label in labels])[codes]


ORDERS = ("ActivationRequest", "ActivationSignal")
"""Messages that call flexibility: of providers, and of homes and plants."""


def messages_total(facts: Facts) -> float | None:
    """Messages of the journal, each member of a batch counted, retransmissions not."""
    frame = facts.all("messages")
    return float(len(frame)) if frame else None


def platform_of_messages(facts: Facts) -> I64 | None:
    """For each message the position in PLATFORMS of the platform that sent or received it; ``len(PLATFORMS)`` for none."""
    messages, addresses = facts.all("messages"), facts.all("addresses")
    if messages is None or addresses is None:
        return None
    actors = addresses.table.column("actors").to_pylist()
    plays = dict(zip(addresses.names("address").tolist(), map(_platform, actors), strict=True))
    ends = []
    for column in ("sender", "receiver"):
        codes, labels = messages.codes(column)
        ends.append(np.array([plays.get(label, len(PLATFORMS)) for label in labels], np.int64)[codes])
    return np.minimum(*ends)


def _platform(actors: list[str]) -> int:
    return next((number for number, name in enumerate(PLATFORMS) if name & set(actors)), len(PLATFORMS))


def messages_by_platform(position: int) -> Figure:
    """Messages that the platform at this position of PLATFORMS sent or received."""

    def figure(facts: Facts) -> float | None:
        found = platform_of_messages(facts)
        return None if found is None else float((found == position).sum())

    return figure


def order_arrival_ms(percent: float) -> Figure:
    """Percentile of how long orders to providers and devices were under way, waiting for their sender's quota included [ms]."""

    def figure(facts: Facts) -> float | None:
        frame = facts.all("messages")
        if frame is None:
            return None
        orders = frame.where(np.isin(frame.names("record"), ORDERS))
        under_way = orders.floats("delivered_ms") - orders.floats("sent_ms")
        arrived = under_way[~np.isnan(under_way)]
        return float(np.percentile(arrived, percent, method="inverted_cdf")) if len(arrived) else None

    return figure


def messages_with(status: str) -> Figure:
    """Messages that ended with this status."""

    def figure(facts: Facts) -> float | None:
        frame = facts.all("messages")
        return float((frame.names("status") == status).sum()) if frame else None

    return figure


def messages_retried(facts: Facts) -> float | None:
    """Messages that were transmitted more than once."""
    frame = facts.all("messages")
    return float((frame.ints("attempts") > 1).sum()) if frame else None


def acknowledgement_ms(percent: float) -> Figure:
    """Percentile of the time from the first transmission to the acknowledgement, of acknowledged messages, one that was measured [ms]."""

    def figure(facts: Facts) -> float | None:
        frame = facts.all("messages")
        waited = frame.floats("acknowledged_ms") - frame.floats("sent_ms") if frame else np.array([])
        waited = waited[~np.isnan(waited)]
        return float(np.percentile(waited, percent, method="inverted_cdf")) if len(waited) else None

    return figure


def steps_with(verdict: str) -> Figure:
    """Steps of use cases with this verdict, each step once."""

    def figure(facts: Facts) -> float | None:
        frame = facts.all("conformance")
        if frame is None:
            return None
        rows = frame.names("verdict") == verdict
        steps = zip(*(frame.names(c)[rows] for c in ("suc", "scenario", "step")), strict=True)
        return float(len(set(steps)))

    return figure


def homes_enrolled(facts: Facts) -> float | None:
    """Homes with a flexibility contract that consent to activation; None where a service of their own sells for them."""
    homes = None if served(facts) else facts.all("homes")
    return float(((homes.names("fsp") != "") & homes.bools("consent")).sum()) if homes else None


def homes_active(facts: Facts) -> float | None:
    """Homes that started a delivery at least once; None where a service of their own sells for them."""
    if served(facts):
        return None
    active = delivering_homes(facts)
    return None if active is None else float(len(active))


def delivering_homes(facts: Facts) -> set[str] | None:
    """The homes with an act start_delivery, or with control devices of a service; None where nobody acted."""
    equipped = facts.all("modes") if served(facts) else None
    if equipped:
        return set(equipped.names("owner").tolist())
    acts, addresses, homes = facts.all("acts"), facts.all("addresses"), facts.all("homes")
    if acts is None or addresses is None or homes is None:
        return None
    party = dict(zip(addresses.names("address").tolist(), addresses.names("party").tolist(), strict=True))
    actors = acts.names("actor")[acts.names("act") == "start_delivery"].tolist()
    return {party.get(actor, actor) for actor in actors} & set(homes.names("owner").tolist())


def participation_percent(facts: Facts) -> float | None:
    """Active homes of the enrolled ones [%]."""
    enrolled, active = homes_enrolled(facts), homes_active(facts)
    return 100.0 * active / enrolled if enrolled and active is not None else None


def distinct_home_schedules(facts: Facts) -> float | None:
    """Number of different schedules of flexible power (to 1e-6 kW) among homes with flexible devices."""
    devices = facts.days("devices")
    if devices is None:
        return None
    flexible = devices.where(np.isin(devices.names("kind"), _FLEXIBLE))
    if not len(flexible):
        return None
    owners, _ = flexible.codes("owner")
    _, column = np.unique(flexible.ints("t_ms"), return_inverse=True)
    _, row = np.unique(owners, return_inverse=True)
    power = np.zeros((int(row.max()) + 1, int(column.max()) + 1))
    np.add.at(power, (row, column), flexible.floats("power_kw"))
    return float(len(np.unique(np.rint(power * 1e6).astype(np.int64), axis=0)))


def comfort_violation_degree_h(facts: Facts) -> float | None:
    """Degree-hours outside the comfort band of rooms and tanks [K h]."""
    frame = facts.days("comfort")
    return total(frame.floats("violation_c") * facts.hours) if frame else None


def ev_missing_kwh(facts: Facts) -> float | None:
    """Energy that vehicles lacked at departure [kWh]."""
    frame = facts.days("departures")
    return total(frame.floats("missing_kwh")) if frame else None


FIGURES: dict[str, Figure] = {
    "homes_enrolled": homes_enrolled,
    "homes_active": homes_active,
    "participation_percent": participation_percent,
    "distinct_home_schedules": distinct_home_schedules,
    "comfort_violation_degree_h": comfort_violation_degree_h,
    "ev_missing_kwh": ev_missing_kwh,
    **{f"money_{kind}_eur": money(kind) for kind in (*(kind for kind, _ in KINDS), "others")},
    "messages_total": messages_total,
    "messages_gdbn": messages_by_platform(0),
    "messages_market_platform": messages_by_platform(1),
    "messages_fsp_platform": messages_by_platform(2),
    "messages_direct": messages_by_platform(3),
    "messages_lost": messages_with("lost"),
    "messages_late": messages_with("late"),
    "messages_refused": messages_with("refused"),
    "messages_retried": messages_retried,
    "acknowledgement_p50_ms": acknowledgement_ms(50),
    "acknowledgement_p95_ms": acknowledgement_ms(95),
    "order_arrival_p95_ms": order_arrival_ms(95),
    "order_arrival_max_ms": order_arrival_ms(100),
    "steps_made": steps_with("made"),
    "steps_late": steps_with("late"),
    "steps_broken": steps_with("broken"),
    "steps_excused": steps_with("excused"),
    "steps_not_reached": steps_with("not_reached"),
}
