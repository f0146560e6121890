"""The section of a report about refusals: who was turned down, in what, how often, how much energy it was about, and why."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import pyarrow.compute as pc

from experiments.plots import View
from experiments.report.page import Section, table

_MOST: Final = 40
_NAMED: Final = 3
"""So many who refused for the same reason are named."""
_HEAD: Final = ("what", "whose", "refused by", "times", "kWh", "why")

Refusal = tuple[str, str, str, float, str]
"""What, whose, refused by, energy [kWh], why."""


def refusals(view: View) -> Section:
    """Bids not taken, baselines not stored, requests not acted on, messages turned away at the door, settlements disputed."""
    rows = [
        (what, whose, by, f"{len(kwh):,}", f"{sum(kwh):,.1f}" if any(kwh) else "", why)
        for (what, whose, by, why), kwh in sorted(counted(_all(view)).items())
    ]
    more = len(rows) - _MOST
    rest = f'<p class="soft">and {more} more kinds of refusal in the tables</p>' if more > 0 else ""
    text = "<p>An interval of a bid counts once; energy is what was offered and not taken.</p>"
    found = text + table(_HEAD, rows[:_MOST], numbers=(3, 4)) + rest if rows else None
    return Section("refusals", "Who was refused, and why", found, "Nothing was refused.")


def counted(found: Iterable[Refusal]) -> dict[tuple[str, str, str, str], list[float]]:
    """(what, whose, refused by, why) -> energies; who refused for one reason in great number is not told one by one."""
    alike: dict[tuple[str, str, str], dict[str, list[float]]] = {}
    for what, whose, by, kwh, why in found:
        alike.setdefault((what, whose, why), {}).setdefault(by, []).append(kwh)
    counts: dict[tuple[str, str, str, str], list[float]] = {}
    for (what, whose, why), by_whom in alike.items():
        many = f"{len(by_whom)} receivers" if len(by_whom) > _NAMED else ""
        for by, energies in by_whom.items():
            counts.setdefault((what, whose, many or by, why), []).extend(energies)
    return counts


def _all(view: View) -> Iterator[Refusal]:
    owner = _owners(view)
    for row in _rows(view, "bids", pc.field("accepted_kw") < pc.field("quantity_kw")):
        kwh = (row["quantity_kw"] - row["accepted_kw"]) * view.facts.market_hours
        yield "bid", row["fsp"], "the market", kwh, row["reason"] or ""
    for row in _rows(view, "content/QualificationDecision", ~pc.field("admitted")):
        why = ", ".join(row["missing"]) or "not admitted"
        yield "participation", _receiver(view, row["row"], owner), "the market", 0.0, f"lacking: {why}"
    for row in _rows(view, "refused_baselines"):
        yield "baseline", str(row["baseline"]).split("/")[1], "the settlement service", 0.0, row["reason"]
    for row in _rows(view, "refused_requests"):
        yield row["record"], "", row["party"], 0.0, row["reason"]
    for row in _rows(view, "messages", pc.field("status") == "refused"):
        yield row["record"], owner(row["sender"]), owner(row["receiver"]), 0.0, row["reason"] or "refused"
    for row in _rows(view, "content/SettlementDecision", ~pc.field("approved")):
        yield "settlement", "", "the DSO", 0.0, row["reason"]


def _rows(view: View, name: str, wanted: pc.Expression | None = None) -> list[Mapping[str, Any]]:
    """Rows of a table of the run; none where it is absent."""
    found = view.run.tables.get(name)
    if found is None:
        return []
    rows: list[Mapping[str, Any]] = (found if wanted is None else found.filter(wanted)).to_pylist()
    return rows


def _owners(view: View) -> Callable[[str], str]:
    """Address -> its party; an address that the run does not know is its own."""
    party = {row["address"]: row["party"] for row in _rows(view, "addresses")}
    return lambda address: party.get(address, address)


def _receiver(view: View, row: int, owner: Callable[[str], str]) -> str:
    """The party that received a row of the journal."""
    return next((owner(one["receiver"]) for one in _rows(view, "messages", pc.field("row") == row)), "")
