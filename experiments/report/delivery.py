"""The section of delivery: limits kept or not, what was reported and measured, and what it came to for whom (SUC10.4, SUC08.4)."""

from collections.abc import Sequence

import numpy as np

from data.arrays import F64, Bool
from experiments import colours
from experiments.kpis.facts import Facts
from experiments.plots import View, chart, svg
from experiments.report.page import Section, figure, table
from experiments.results.frame import Frame

TITLE = "Delivery: measured, verified, settled"
MOST_ROWS = 40


def delivery(view: View) -> Section | None:
    """Perimeters, dialogue and money; None where nothing was to be delivered to a global market."""
    facts = view.facts
    outcomes, settled = facts.all("verification_outcomes"), facts.all("service_settlements")
    if outcomes is None and settled is None:
        return None
    parts = [_measured(facts)]
    if outcomes is not None:
        parts.append(_outcomes(outcomes))
    picture = delivered_chart(view)
    if picture:
        parts.append(
            figure(
                picture,
                "What was accepted of each provider in all its perimeters and what was delivered, hour by hour: baseline less meter, as finally agreed. "
                "Up is above 0.",
            )
        )
    parts.append(_dialogue(facts))
    if settled is not None:
        parts.append(_money(settled, facts.all("responsible_imbalances")))
        parts.append(_payers(facts.all("service_purchases")))
    return Section("delivery", TITLE, "".join(parts))


def _measured(facts: Facts) -> str:
    stored, refused = facts.all("measurements"), facts.all("refused_measurements")
    if stored is None:
        return "<p>Nothing was measured for verification.</p>"
    points = len(set(stored.names("gcp").tolist()))
    told = f"<p>The gateways of {points} connection points read their meters every hour; the register holds {len(stored):,} measurements, each chained to "
    told += "those before and signed with its report. "
    return told + (f"It refused {len(refused)} reports, which came again.</p>" if refused else "It refused none.</p>")


def _outcomes(outcomes: Frame) -> str:
    bad = ~outcomes.bools("is_positive")
    good = int((~bad).sum())
    if not bad.any():
        return f"<p>All {good} perimeters kept their limits, by plan and by measurement.</p>"
    dsos, perimeters, who = (outcomes.names(name)[bad] for name in ("dso", "perimeter", "exceeding"))
    plan, metered = (outcomes.floats(name)[bad] for name in ("planned_over_kwh", "metered_over_kwh"))
    rows = [
        (dsos[k], perimeters[k], who[k], f"{plan[k]:,.2f}", f"{metered[k]:,.2f}")
        for k in range(min(len(dsos), MOST_ROWS))
    ]
    head = ("DSO", "perimeter", "exceeded by", "planned above (kWh)", "measured above (kWh)")
    return f"<p>{good} perimeters kept their limits, {int(bad.sum())} did not:</p>" + table(head, rows, numbers=(3, 4))


def _dialogue(facts: Facts) -> str:
    checks, asked = facts.all("report_checks"), facts.all("clarifications")
    if checks is None:
        return ""
    open_hours = checks.bools("is_open")
    text = f"<p>Operators held {len(checks):,} reported hours against their own measurements and asked about {int(open_hours.sum()):,}."
    if asked is None:
        return text + "</p>"
    rows = []
    operators, bsps = asked.names("operator"), asked.names("bsp")
    for operator, bsp in sorted(set(zip(operators.tolist(), bsps.tolist(), strict=True))):
        mine: Bool = np.asarray((operators == operator) & (bsps == bsp))
        hours, accepted = (int(asked.floats(name)[mine].sum()) for name in ("hours", "accepted"))
        unanswered = int((asked.names("answer")[mine] != "answered").sum())
        rows.append((operator, bsp, str(hours), str(accepted), str(unanswered)))
    head = (
        "operator",
        "provider",
        "hours asked about",
        "of which the provider took the measured value",
        "questions without answer in time",
    )
    return text + " What is disputed is settled by the certified meter.</p>" + table(head, rows, numbers=(2, 3, 4))


def _money(settled: Frame, stated: Frame | None) -> str:
    columns = (
        "ordered_kwh",
        "delivered_kwh",
        "service_eur",
        "energy_eur",
        "others_eur",
        "final_eur",
        "exposure_eur",
        "neutralised_eur",
        "undelivered_eur",
    )
    values = {name: settled.floats(name) for name in columns}
    bsps = settled.names("bsp")
    names = sorted(set(bsps.tolist()))
    rows = [_money_row(name, [values[column][bsps == name] for column in columns]) for name in names]
    if len(names) > 1:
        rows.append(_money_row("all", list(values.values())))
    head = (
        "provider",
        "accepted (kWh)",
        "delivered (kWh)",
        "service",
        "energy",
        "paid by other operators",
        "paid by the TSO",
        "exposure",
        "neutralised",
        "not delivered",
    )
    text = (
        "<p>Amounts in EUR. Delivered services are paid at the prices of the bids, and the energy at the day-ahead price. <i>Exposure</i> is what imbalances would cost "
        "had what was ordered not been adjusted; what was ordered and not delivered costs the provider the imbalance price.</p>"
    )
    told = ""
    if stated is not None:
        own = stated.floats("paid_eur").sum() - stated.floats("undelivered_eur").sum()
        told = (
            f"<p>Balance responsible parties behind the providers' points had imbalances of {stated.floats('imbalance_kwh').sum():,.1f} kWh after adjustment. Of their cost "
            f"{own:,.2f} EUR are for how the points strayed from their baselines, which would have been without activations; the rest is the providers'. They were handed "
            f"{stated.floats('transfer_eur').sum():,.2f} EUR for energy that was sold in their names.</p>"
        )
    return text + table(head, rows, numbers=range(1, 10)) + told


def _payers(bought: Frame | None) -> str:
    """What each operator bought and pays, where more than one does."""
    if bought is None or len(set(bought.names("buyer").tolist())) == 1:
        return ""
    buyers, columns = (
        bought.names("buyer"),
        ("ordered_kwh", "delivered_kwh", "service_eur", "energy_eur", "imbalance_eur"),
    )
    rows = []
    for name in sorted(set(buyers.tolist())):
        sums = [float(bought.floats(column)[buyers == name].sum()) for column in columns]
        rows.append((name, *(f"{one:,.2f}" for one in sums)))
    head = (
        "operator",
        "bought (kWh)",
        "delivered of it (kWh)",
        "service (EUR)",
        "energy (EUR)",
        "imbalance, from the TSO (EUR)",
    )
    text = (
        "<p>By the coordination scheme several operators bought of the same bids. Each pays the service of what was delivered of its own part; whose the energy is, the "
        "scheme says.</p>"
    )
    return text + table(head, rows, numbers=range(1, 6))


def _money_row(name: str, values: Sequence[F64]) -> tuple[str, ...]:
    digits = (1, 1, 2, 2, 2, 2, 2, 2, 2)
    return (name, *(f"{one.sum():,.{digit}f}" for one, digit in zip(values, digits, strict=True)))


def delivered_chart(view: View) -> str | None:
    """Accepted and delivered energy of each provider by hour."""
    frame = view.facts.all("delivered_services")
    if frame is None:
        return None
    bsps = frame.names("bsp")
    names = sorted(set(bsps.tolist()))
    with chart(9.0, 2.6, columns=len(names), sharey=True, squeeze=False) as (picture, panels):
        for axes, name in zip(panels[0], names, strict=True):
            mine = frame.where(bsps == name)
            hours, place = np.unique(mine.ints("t_ms"), return_inverse=True)
            accepted, delivered = (
                np.bincount(place, weights=values).astype(np.float64)
                for values in (mine.floats("up_kwh") - mine.floats("down_kwh"), mine.floats("delivered_kwh"))
            )
            called = accepted != 0
            view.step_line(axes, hours, accepted, color=colours.GREY, label="accepted")
            view.step_line(axes, hours, np.where(called, delivered, np.nan), color=colours.WITH, label="delivered")
            axes.axhline(0.0, color=colours.GREY, linewidth=0.6)
            axes.set(title=name)
            view.time_axis(axes, most=4)
        panels[0][0].set_ylabel("kWh an hour")
        panels[0][-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return svg(picture, "delivered")
