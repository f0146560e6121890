"""The section of a report about a service for households: modes, contracted power, surplus, offers and activations, re-solving."""

from typing import Any, Final

import numpy as np

from data.arrays import F64
from experiments import colours
from experiments.kpis.facts import Facts
from experiments.kpis.homes import net_of_homes
from experiments.kpis.parties import comfort_violation_degree_h, ev_missing_kwh
from experiments.plots import View, chart, svg
from experiments.report.page import Section, figure, table

MODES: Final = ("automatic", "manual", "on", "off")
_WITH, _WITHOUT = "with the service", "without"


def service(view: View) -> Section | None:
    """What the service did for its households; None where there is none."""
    title = "Service for households"
    if view.facts.all("resolves") is None:
        return None
    parts = [
        _admissions(view.facts),
        _modes(view.facts),
        _comfort(view.facts),
        _contract(view),
        _cycles(view.facts),
        _corrections(view.facts),
    ]
    parts += [_activations(view), _days(view), _rights(view.facts)]
    return Section("service", title, "".join(parts))


def _admissions(facts: Facts) -> str:
    asked, budgets = facts.all("admissions"), facts.all("installations")
    if asked is None or budgets is None:
        return ""
    decided, cost = facts.all("plan_decisions"), float(budgets.floats("budget_eur")[budgets.bools("approved")].sum())
    declined = [] if decided is None else [row for row in decided.table.to_pylist() if not row["accepted"]]
    return (
        f"<p>{len(asked)} households were interested, {int(asked.bools('approved').sum())} were admitted, "
        f"{len(declined)} declined the plan they were offered; {int(budgets.bools('approved').sum())} sites were equipped "
        f"for {cost:,.0f} EUR.</p>" + _declined(declined)
    )


def _declined(rows: list[dict[str, Any]]) -> str:
    """Who declined, and why."""
    if not rows:
        return ""
    head = ("declined", "promised (EUR/a)", "wanted for what is moved (EUR/a)", "wanted for being switched (EUR/a)")
    columns = ("saving_eur", "moving_eur", "control_eur")
    found = [
        (row["owner"], *(f"{row[name]:.0f}" for name in columns)) for row in sorted(rows, key=lambda row: row["owner"])
    ]
    return table(head, found, numbers=(1, 2, 3))


def _modes(facts: Facts) -> str:
    frame = facts.all("modes")
    if frame is None:
        return ""
    kinds, modes = frame.names("kind"), frame.names("mode")
    rows = [
        (kind.replace("_", " "), *(str(int(((kinds == kind) & (modes == mode)).sum())) for mode in MODES))
        for kind in np.unique(kinds)
    ]
    return "<p>Times a device was put into a mode, installation included:</p>" + table(
        ("device", *MODES), rows, numbers=(1, 2, 3, 4)
    )


def _comfort(facts: Facts) -> str:
    """What people lack with the service, beside what they lack without it."""
    rows = []
    for text, of, unit in (
        ("cars at departure", ev_missing_kwh, "kWh"),
        ("rooms and water", comfort_violation_degree_h, "K h"),
    ):
        here, there = (None if one is None else of(one) for one in (facts, facts.twin))
        rows.append((text, *("-" if value is None else f"{value:.1f} {unit}" for value in (here, there))))
    return table(("what people lack", _WITH, _WITHOUT), rows, numbers=(1, 2))


def _days(view: View) -> str:
    """What the service itself works out of each day (scenario 13)."""
    frame = view.facts.all("service_figures")
    if frame is None:
        return ""
    columns = (
        "savings_eur",
        "plan_error_kw",
        "load_error_percent",
        "yesterday_error_percent",
        "last_week_error_percent",
    )
    rows = [
        (view.time_text(row["from_ms"])[:-6], *("-" if row[name] is None else f"{row[name]:.2f}" for name in columns))
        for row in sorted(frame.table.to_pylist(), key=lambda row: row["from_ms"])
    ]
    head = ("day", "planned savings (EUR)", "distance to the plan (kW)", "load forecast, error (%)", "day before instead (%)",
            "week before instead (%)")  # fmt: skip
    return "<p>Days as the service sums them up, over households that consent to statistics:</p>" + table(
        head, rows, numbers=(1, 2, 3, 4, 5)
    )


def _contract(view: View) -> str:
    """Power of the homes over their contract, with and without the service."""
    pairs = [(view.facts, _WITH, colours.WITH)]
    if view.facts.twin is not None:
        pairs.append((view.facts.twin, _WITHOUT, colours.WITHOUT))
    with chart(9.0, 3.0) as (drawn, axes):
        for facts, label, colour in pairs:
            found = net_of_homes(facts)
            if found is None:
                continue
            share = np.sort(100.0 * found[0] / found[1])[::-1]
            hours = np.arange(len(share)) * facts.hours
            axes.plot(hours, share, color=colour, label=label, linewidth=1.2)
        axes.axhline(100.0, color=colours.GREY, linewidth=0.8)
        axes.axhline(0.0, color=colours.GREY, linewidth=0.8)
        axes.set(xlabel="home hours, highest power first", ylabel="power (% of the contract)")
        axes.legend(loc="lower left")
        picture = svg(drawn, "contract")
    return figure(
        picture,
        "Mean power of every home and quarter of an hour, ordered; above 100 % is beyond the contract, below 0 is fed in.",
    )


def _cycles(facts: Facts) -> str:
    frame = facts.all("resolves")
    assert frame is not None
    members, solved, looked = (frame.floats(name).sum() for name in ("members", "solved", "looked_at"))
    loss, cost = frame.floats("loss_eur").sum(), frame.floats("cost_eur").sum()
    told = (
        f"; of {looked:,.0f} kept plans looked at, keeping them costs {loss:.2f} EUR ({100.0 * loss / cost:.2f} %)"
        if cost
        else ""
    )
    return (
        f"<p>{len(frame):,} cycles of a quarter of an hour planned {members:,.0f} households to the end of the next day; {solved:,.0f} "
        f"({100.0 * solved / max(members, 1.0):.1f} %) were solved again because their inputs had moved{told}.</p>"
    )


def _corrections(facts: Facts) -> str:
    frame = facts.all("corrections")
    if frame is None:
        return "<p>Within the quarter of an hour nothing had to be corrected.</p>"
    about = frame.names("about")
    rows = []
    for kind, text in (("peak", "near the contract"), ("surplus", "fed in")):
        mine = about == kind
        asked, moved, left = (frame.floats(name)[mine] for name in ("asked_kw", "moved_kw", "left_kw"))
        rows.append((text, str(int(mine.sum())), _mean(asked), _mean(moved), str(int((left > 0.05).sum()))))
    head = (
        "power within the quarter of an hour",
        "corrections",
        "asked, mean (kW)",
        "moved, mean (kW)",
        "not all could be moved",
    )
    return table(head, rows, numbers=(1, 2, 3, 4))


def _mean(power_kw: F64) -> str:
    return f"{power_kw.mean():.2f}" if len(power_kw) else "-"


def _activations(view: View) -> str:
    calls, paid = view.facts.all("home_activations"), view.facts.all("home_settlements")
    if calls is None:
        return "<p>Nothing was called.</p>"
    money = {row["activation"]: row for row in paid.table.to_pylist()} if paid else {}
    rows = [
        (
            view.time_text(row["t_ms"]), row["market"], str(row["households"]), f"{row['ordered_kw']:.1f}",
            f"{row['expected_kw']:.1f}", f"{row['delivered_kw']:.1f}",
            f"{money[row['activation']]['eur']:.2f}" if row["activation"] in money else "-",
        )
        for row in sorted(calls.table.to_pylist(), key=lambda row: row["t_ms"])
    ]  # fmt: skip
    head = ("when", "market", "households", "called (kW)", "planned (kW)", "read (kW)", "paid (EUR)")
    return "<p>Calls on the households:</p>" + table(head, rows, numbers=(2, 3, 4, 5, 6))


def _rights(facts: Facts) -> str:
    frame = facts.all("data_requests")
    if frame is None:
        return ""
    counts = {right: int((frame.names("right") == right).sum()) for right in np.unique(frame.names("right"))}
    return (
        f"<p>Rights over personal data that were used: {', '.join(f'{right} {n}' for right, n in counts.items())}.</p>"
    )
