"""The days of delivery of a scenario, with their deadlines."""

from datetime import timedelta

from agents.dso_terms import MarketDay
from environment.units import MS_PER_S
from experiments.assembly.site import Site
from experiments.scenario.fields import read_clock


def market_days(site: Site) -> list[MarketDay]:
    """The days of delivery with procurement, gate and service window by the wall clock.

    Without a market the gate is that of baselines: they must stand before the DSO looks ahead.
    """
    scenario, calendar = site.scenario, site.calendar
    dso, lfmo = scenario.actors.dso, scenario.actors.lfmo
    opens, closes = (read_clock(clock) for clock in scenario.product.service_window)
    days = []
    for number, (start_ms, end_ms) in enumerate(site.days_ms):
        date = scenario.clock.start + timedelta(days=number)
        from_ms, to_ms = calendar.on(date, opens), calendar.on(date, closes)
        procures_ms = dso.procures.on(calendar, date)
        gate_ms = lfmo.gate.on(calendar, date) if lfmo else procures_ms + round(dso.availability_wait_s * MS_PER_S)
        steps = (to_ms - from_ms) // site.timeline.step_ms
        days.append(MarketDay(start_ms, end_ms, procures_ms, gate_ms, from_ms, steps))
    return days


def service_windows(site: Site) -> dict[int, slice]:
    """First step of each day of delivery -> its steps in the product's service window, where there is coordination."""
    index, found = site.timeline.index, dict[int, slice]()
    for day in market_days(site) if site.scenario.coordination else ():
        first = index(day.from_ms) - index(day.start_ms)
        found[index(day.start_ms)] = slice(first, first + day.steps)
    return found
