"""The section of retrofitted water heaters: what became of the visits, what was learned, how tanks lived, and what that saved."""

from collections import Counter
from collections.abc import Callable

import numpy as np

from data.arrays import F64
from experiments import colours
from experiments.kpis.facts import Facts
from experiments.kpis.heaters import WHOLE_DAY_H, compared, owners, saved
from experiments.plots import View, chart, svg
from experiments.report.page import Section, figure, table
from experiments.results.frame import Frame

TITLE = "Water heaters: installed, learned, controlled"
SHOWN_DAYS = 3
DAY_MS = 86_400_000


def heaters(view: View) -> Section | None:
    """Visits, models, a tank's days, savings by services; None where nothing is retrofitted."""
    facts = view.facts
    visits = facts.all("retrofits")
    if visits is None:
        return None
    parts = [_visits(visits), _savings(facts)]
    models, days = learned_chart(view), trajectory_chart(view)
    if models:
        parts.append(figure(models, "Learned over true heat losses and needs of every tank, day by day; the thick line is the median. True "
                                    "losses jump where insulation comes off, true needs where habits change: the learner follows."))  # fmt: skip
    if days:
        parts.append(
            figure(
                days[0],
                f"{days[1]}: water at the outlet and mean of the tank under control, and the mean under its thermostat.",
            )
        )
    return Section("heaters", TITLE, "".join(parts))


def _visits(visits: Frame) -> str:
    rows = [(outcome, str(count)) for outcome, count in sorted(Counter(visits.names("outcome").tolist()).items())]
    reasons = sorted({reason for reason in visits.names("reason").tolist() if reason})
    told = f"<p>Why not: {'; '.join(reasons)}.</p>" if reasons else ""
    return table(("outcome of the visit", "homes"), rows, numbers=(1,)) + told


def _savings(facts: Facts) -> str:
    """Electricity, money, peaks and comfort against the thermostat by combination of services."""
    found = compared(facts)
    if found is None:
        return "<p>No water heater was under control for a whole day.</p>"
    energy, money = [], []
    for name in [*sorted(set(found.services.tolist()), key=lambda one: (len(one), one)), "all"]:
        mine = found if name == "all" else found.of(found.services == name)
        energy.append((
            name, str(len(set(mine.owner.tolist()))), str(len(mine.owner)), f"{saved(mine.used_kwh):,.1f}",
            f"{mine.saved_percent or 0.0:.1f}", f"{mine.bound_percent or 0.0:.1f}", _pair(mine.cold, np.sum, 0),
        ))  # fmt: skip
        money.append((
            name, f"{saved(mine.cost_eur):,.2f}", f"{saved(mine.fed_in_kwh):,.1f}", _pair(mine.above_kwh, np.sum, 1),
            _pair(mine.peak_kw, np.mean, 2),
        ))  # fmt: skip
    text = (
        "<p>Against the same tanks and days under their thermostats, heat left in the tank counted; pairs are <i>control / thermostat</i>. "
        "<i>At most</i> is the share of what the thermostats used that the jackets lost: at equal comfort nobody saves more, and who does not "
        "know the next draw saves much less.</p>"
    )
    more = (
        "<p>Self-consumption and tariff services heat ahead, at hours when a kWh costs little; a warmer tank loses more, so what they save is "
        "money and not energy. The cost is that of all energy of the homes at their tariffs. A home with panels but without a household meter "
        "feeds in more than before: its surplus is not seen.</p>"
    )
    heads = (
        ("services", "homes", "tank-days", "saved (kWh)", "saved (%)", "at most (%)", "cold draws"),
        ("services", "saved (EUR)", "fed in less (kWh)", "above the limit (kWh)", "peak of a day, mean (kW)"),
    )
    first, second = heads
    return text + table(first, energy, numbers=range(1, 7)) + more + table(second, money, numbers=range(1, 5))


def _pair(values: tuple[F64, F64], of: Callable[[F64], float], digits: int) -> str:
    """Under control beside under thermostats."""
    return " / ".join(f"{of(one):,.{digits}f}" for one in values)


def learned_chart(view: View) -> str | None:
    """Ratios of learned to true losses and needs over the days."""
    facts = view.facts
    models, truth, days = facts.all("heater_models"), facts.all("heaters"), facts.all("heater_days")
    if models is None or truth is None or days is None:
        return None
    true_loss = dict(zip(truth.names("owner").tolist(), truth.floats("loss_kw_per_k").tolist(), strict=True))
    keys = zip(days.names("owner").tolist(), (days.ints("t_ms") // DAY_MS).tolist(), strict=True)
    lived = dict(
        zip(keys, zip(days.floats("loss_factor").tolist(), days.floats("drawn_kwh").tolist(), strict=True), strict=True)
    )
    names, when = owners(facts, models), models.ints("t_ms")
    day = (when // DAY_MS).tolist()
    loss, need = np.full(len(names), np.nan), np.full(len(names), np.nan)
    for row, (name, number) in enumerate(zip(names, day, strict=True)):
        known = [lived[name, past] for past in range(number - 7, number) if (name, past) in lived]
        if known:
            loss[row] = models.floats("loss_kw_per_k")[row] / (true_loss[name] * known[-1][0])
            need[row] = models.floats("need_kwh_per_day")[row] / max(float(np.mean([kwh for _, kwh in known])), 1e-9)
    with chart(9.0, 3.0, columns=2) as (picture, panels):
        for axes, values, what in ((panels[0], loss, "heat losses"), (panels[1], need, "heating needs")):
            shown = sorted(set(when.tolist()))
            for name in sorted(set(names) - {""}):
                mine = np.array([one == name for one in names])
                axes.plot(view.clock(when[mine]), values[mine], color=colours.PALE, linewidth=0.7)
            middle = [float(np.nanmedian(values[when == at])) for at in shown]
            axes.plot(view.clock(np.array(shown, np.int64)), middle, color=colours.WITH, linewidth=2.2)
            axes.axhline(1.0, color=colours.GREY, linewidth=0.8)
            axes.set(title=what, ylabel="learned / true", ylim=(0.0, 2.2))
            view.time_axis(axes, span=False, most=5)
        return svg(picture, "heaters-learned")


def trajectory_chart(view: View) -> tuple[str, str] | None:
    """The last days of the tank that was controlled longest; ties by name."""
    facts = view.facts
    days, states = facts.all("heater_days"), facts.all("heater_states")
    if days is None or states is None:
        return None
    hours = days.floats("controlled_h")
    names = days.names("owner")
    whole = {name: float(hours[names == name].sum()) for name in sorted(set(names.tolist()))}
    home = max(sorted(whole), key=lambda name: whole[name])
    if whole[home] < WHOLE_DAY_H:
        return None
    begin_ms = facts.end_ms - SHOWN_DAYS * DAY_MS
    with chart(9.0, 3.4) as (picture, axes):
        for source, column, label, colour in (
            (facts, "outlet_c", "outlet, controlled", colours.WITH), (facts, "mean_c", "mean, controlled", colours.SKY),
            (facts.twin, "mean_c", "mean, thermostat", colours.WITHOUT),
        ):  # fmt: skip
            frame = source.all("heater_states") if source else None
            if frame is None:
                continue
            mine = frame.where(
                (frame.names("owner") == home) & (frame.ints("t_ms") >= begin_ms) & (frame.ints("t_ms") < facts.end_ms)
            )
            view.step_line(axes, mine.ints("t_ms"), mine.floats(column), label=label, color=colour)
        least = float((facts.scenario.get("heaters") or {}).get("comfort_c", 40.0))
        axes.axhline(least, color=colours.GREY, linewidth=0.8, linestyle="--")
        axes.set(title=home, ylabel="temperature (degC)")
        view.time_axis(axes, span=False)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return svg(picture, "heaters-tank"), home
