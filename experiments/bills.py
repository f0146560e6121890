"""Members' bills of a run: what the communities' billing agents sent them, as pages that can be read (SUC02.1 steps 1.15, 2.8)."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from experiments.errors import CoflexError, did_you_mean
from experiments.results import Run
from markets.community.bill import Bill, Line
from markets.ledger import cents

TABLE = "content/CommunityBill"


def bills(run: Run, member: str | None = None) -> list[Bill]:
    """Bills of a run by community, member and period.

    Args:
        run: whose.
        member: only theirs.

    Raises:
        CoflexError: the run has no bills, or none of that member.
    """
    found = list(_bills(run))
    if not found:
        msg = f"{run.path}: no member of a community was billed; a bill goes out with the last day of a month or of the run"
        raise CoflexError(msg)
    names = {bill.member for bill in found}
    if member is not None and member not in names:
        msg = f"{run.path}: no bill of '{member}'{did_you_mean(member, names)}"
        raise CoflexError(msg)
    return [bill for bill in found if member in (None, bill.member)]


def _bills(run: Run) -> Iterator[Bill]:
    rows: dict[tuple[str, str, int], Mapping[str, Any]] = {}
    for row in run.table(TABLE).to_pylist() if TABLE in run.tables else ():
        rows.setdefault((row["community"], row["member"], row["from_ms"]), row)  # the manager has a copy
    for key in sorted(rows):
        yield bill_of(run, rows[key])


def _agreed_ct(run: Run, community: str) -> float | None:
    """Grid tariff that a community shares at: whole cents on a bill would show another."""
    told = [one for one in run.meta["scenario"]["actors"]["communities"] if one["name"] == community]
    return 100.0 * float(told[0]["grid_tariff_eur_per_kwh"]) if told else None


def bill_of(run: Run, row: Mapping[str, Any]) -> Bill:
    """A bill as its member reads it, from the record that was sent."""
    first, last = run.local(row["from_ms"]).date(), run.local(row["to_ms"] - 1).date()
    inside = (
        Line(
            f"Other members: {row['bought_kwh']:.1f} kWh bought, {row['sold_kwh']:.1f} sold",
            None,
            _c(row, "internal_eur"),
        ),
        Line(
            "Grid tariff of shared energy",
            row["self_consumed_kwh"],
            _c(row, "grid_eur"),
            _agreed_ct(run, row["community"]),
        ),
        Line("Flexibility for the grid operator", None, -_c(row, "flexibility_eur")),
        Line("Flexibility that was missing", None, _c(row, "shortfall_eur")),
    )
    retailer = (
        Line("Supply, fixed charges apart", row["supplied_kwh"], _c(row, "supply_eur")),
        Line("Surplus", row["surplus_kwh"], -_c(row, "surplus_eur")),
    )
    return Bill(
        community=row["community"], member=row["member"], first=first, last=last,
        lines=tuple(line for line in inside if line.cents or line.kwh), retailer=retailer, alone_cents=_c(row, "alone_eur"),
        notes=tuple(_notes(first, last, row["days"])),
    )  # fmt: skip


def _c(row: Mapping[str, Any], name: str) -> int:
    return cents(round(row[name], 6))


def _notes(first: date, last: date, days: int) -> Iterator[str]:
    """Days that are not billed: before joining, after leaving, or not settled."""
    if (last - first).days + 1 != days:
        yield f"Settled are {days} of these days; on the others your retailer billed all by the meter."
