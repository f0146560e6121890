"""A member's monthly bill: what its community billed, what its retailer did, and what it would have paid alone, as a text that can be read.

Energies and amounts are sums over the days of membership in the month. A monthly fee is due for these days only, in whole cents: who joins
or leaves in mid-month pays its part.

Source: SUC02.1 (a bill consists of transactions and flexibility delivery; final bill monthly).
"""

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date

from markets.ledger import CENTS_PER_EUR, cents


@dataclass(frozen=True)
class Line:
    """One line: what for, energy [kWh] where it is about energy, amount [cents], negative in the member's favour, and the price where one was agreed."""

    text: str
    kwh: float | None
    cents: int
    agreed_ct_per_kwh: float | None = None

    @property
    def price_ct_per_kwh(self) -> float | None:
        """The agreed price, or the mean one, where there is energy."""
        if self.agreed_ct_per_kwh is not None:
            return self.agreed_ct_per_kwh
        return abs(self.cents) / self.kwh if self.kwh and self.kwh > 0.0 else None


@dataclass(frozen=True)
class Bill:
    """A member's bill of a month.

    Attributes:
        community: name.
        member: name.
        first: first day that is billed.
        last: last day that is billed.
        lines: of the community; their sum is to be paid to it (negative: it pays).
        retailer: what the member's retailer bills for the same days, for information.
        alone_cents: what the same energies would have cost without the community.
        notes: joined or left, corrections, and the like.
    """

    community: str
    member: str
    first: date
    last: date
    lines: tuple[Line, ...]
    retailer: tuple[Line, ...]
    alone_cents: int
    notes: tuple[str, ...] = field(default=())

    @property
    def days(self) -> int:
        """Days of membership that are billed."""
        return (self.last - self.first).days + 1

    @property
    def total_cents(self) -> int:
        """Due to the community; negative: it pays."""
        return sum(line.cents for line in self.lines)

    @property
    def inside_cents(self) -> int:
        """All that the member pays, community and retailer."""
        return self.total_cents + sum(line.cents for line in self.retailer)

    @property
    def saved_cents(self) -> int:
        """Against the same energies without the community."""
        return self.alone_cents - self.inside_cents


def prorated_cents(eur_per_month: float, first: date, last: date) -> int:
    """A monthly amount for some days of one month, in whole cents, half to even.

    Raises:
        ValueError: the days are not in one month, or end before they begin.
    """
    if (first.year, first.month) != (last.year, last.month) or last < first:
        msg = f"{first} to {last} are not days of one month"
        raise ValueError(msg)
    days = (last - first).days + 1
    return cents(eur_per_month * days / monthrange(first.year, first.month)[1])


def bill_text(bill: Bill) -> str:
    """The bill as a page of text."""
    direction = "To pay to the community" if bill.total_cents >= 0 else "The community pays you"
    parts = [
        f"Bill of {bill.member}, energy community {bill.community}",
        f"{_day(bill.first)} to {_day(bill.last)} ({_days(bill.days)})",
        *bill.notes,
        "",
        *_table(bill.lines),
        _amount(direction, abs(bill.total_cents)),
        "",
        "For information, billed by your retailer for the same days:",
        *_table(bill.retailer),
        "",
        _amount("All together", bill.inside_cents),
        _amount("The same energy without the community", bill.alone_cents),
        _amount("Saved" if bill.saved_cents >= 0 else "Paid more", abs(bill.saved_cents)),
    ]
    return "\n".join(parts)


WIDTH = 46


def _table(lines: tuple[Line, ...]) -> list[str]:
    head = f"{'':<{WIDTH}}{'kWh':>10}{'ct/kWh':>9}{'EUR':>11}"
    return [head, *(_line(line) for line in lines)]


def _line(line: Line) -> str:
    kwh = "" if line.kwh is None else f"{line.kwh:.2f}"
    price = "" if line.price_ct_per_kwh is None else f"{line.price_ct_per_kwh:.2f}"
    return f"{line.text:<{WIDTH}}{kwh:>10}{price:>9}{_eur(line.cents):>11}"


def _amount(text: str, amount: int) -> str:
    return f"{text:<{WIDTH + 19}}{_eur(amount):>11}"


def _eur(amount: int) -> str:
    sign, whole = "-" if amount < 0 else "", abs(amount)
    return f"{sign}{whole // CENTS_PER_EUR}.{whole % CENTS_PER_EUR:02d}"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
