"""All benchmarks: the parts, the gap of the schedules, whole days; as one document and as a table."""

import os
import platform
from datetime import UTC, datetime
from typing import Any

from experiments.benchmarks.community import common_schedule
from experiments.benchmarks.days import STAGES, measured_apart
from experiments.benchmarks.flood import flooded
from experiments.benchmarks.gap import schedule_gap
from experiments.benchmarks.heaters import controlled_days
from experiments.benchmarks.lights import lights
from experiments.benchmarks.operators import a_day, sized
from experiments.benchmarks.parts import all_rates
from experiments.benchmarks.reserves import reserve_day
from experiments.benchmarks.schemes import schemes_of_a_day
from experiments.progress import Report

SIZES = (100, 1_000, 10_000, 100_000)
SAMPLED_HOMES = 200
COMMUNITY_MEMBERS = 1_000
QUICK_HISTORY_DAYS = 2
HEATERS, QUICK_HEATERS = 1_000, 20
TOWN_HEATERS = 10_000
"""What is measured of a thousand water heaters is printed for so many: tanks are lived and planned in blocks, each by itself."""
TWINS_UP_TO = 1_000
"""Larger days are lived in coordination only."""

WRITTEN_UP_TO = 1_000
"""Larger days are lived and not written: their tables are held in memory as a whole."""

SHORT_HISTORY_DAYS = ((WRITTEN_UP_TO, None), (10_000, 7), (float("inf"), 2))
"""Days of history by the most homes (None: those of the scenario): the same homes live them, at some 20 kB a home and day."""


def sizes_up_to(homes: int) -> list[int]:
    """The days that are lived: the usual sizes below the one asked for, and that."""
    return [size for size in SIZES if size < homes] + [homes]


def history_days(homes: int, *, quick: bool) -> int | None:
    """Days lived before a measured day; None for those of the scenario."""
    return QUICK_HISTORY_DAYS if quick else next(days for most, days in SHORT_HISTORY_DAYS if homes <= most)


def bench(homes: int, points: int, *, quick: bool, report: Report) -> dict[str, Any]:
    """Measure everything.

    Args:
        homes: of the largest day.
        points: connection points of the day of two operators.
        quick: small numbers and one day: whether it works, not how fast.
        report: told of the progress.

    Returns:
        made, machine, rates by what is done (per second), schedules (gap to the optimum), community (its common schedule),
        heaters (seconds of control), market (a session and all coordination schemes), reserves (a balancing day; None if quick),
        flood (orders beside one), operators (a day of two of them; None if quick and not asked for), days.
    """
    sizes = [homes] if quick else sizes_up_to(homes)
    stages = 5 + len(sizes)
    report("parts", 0, stages)
    rates = all_rates(quick=quick) | lights(100 if quick else 2_500)
    report("schedules against the optimum", 1, stages)
    gap = schedule_gap(20, QUICK_HISTORY_DAYS) if quick else schedule_gap(SAMPLED_HOMES, 28)
    report("the schedule of a community", 2, stages)
    common = common_schedule(20 if quick else COMMUNITY_MEMBERS)
    report("water heaters under control", 3, stages)
    week = controlled_days(QUICK_HEATERS, days=1) if quick else controlled_days(HEATERS)
    heaters = {**week._asdict(), "control_s": week.control_s}
    market = (schemes_of_a_day(4, 4, 80) if quick else schemes_of_a_day())._asdict()
    reserves = None if quick else reserve_day()._asdict()
    report("a day of two operators", 4, stages)
    operators = a_day(lambda *_: None, *sized(points))._asdict() if points else None
    days = []
    for number, size in enumerate(sizes):
        report(f"a day of {size} homes", 5 + number, stages)
        write = size <= WRITTEN_UP_TO
        history = history_days(size, quick=quick)
        sets = [f"clock.history_days={history}"] if history else []
        days.append(measured_apart(size, twin=not quick and size <= TWINS_UP_TO, sets=sets, write=write))
    report("done", stages, stages)
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "made": made,
        "machine": _machine(),
        "rates": rates,
        "schedules": gap,
        "community": common,
        "heaters": heaters,
        "market": market,
        "reserves": reserves,
        "flood": flooded(1_000 if quick else 10_000)._asdict(),
        "operators": operators,
        "days": days,
    }


def table(found: dict[str, Any]) -> str:
    """What was measured, for people."""
    rates = [f"{name:<58} {value:>14,.0f}" for name, value in found["rates"].items()]
    gap = found["schedules"]
    schedules = (
        f"schedules of {gap['homes']} homes cost {gap['percent']:.2f} % more than the optimum (LP); "
        f"half of the homes at most {gap['median_percent']:.2f} %, the worst {gap['largest_percent']:.2f} %"
    )
    common = found["community"]
    together = (
        f"the common schedule of {common['members']} members of a community took {common['seconds']:.1f} s ({common['cpu_s']:.1f} s of "
        f"processor time, {common['rounds']} rounds); duality gap {common['gap_percent']:.2f} %"
    )
    head = f"{'a day of':<14}{'history':>9}" + "".join(f"{stage + ' [s]':>13}" for stage in STAGES)
    head += (
        f"{'run a day':>11}{'us/home-step':>14}{'peak [MB]':>11}{'growth [MB]':>13}{'messages':>12}{'power flows':>13}"
    )
    told = found["heaters"]
    heaters = (
        f"{told['heaters']:,} water heaters controlled for {told['days']} days in {told['control_s']:.1f} s: tanks {told['physics_s']:.1f}, "
        f"learning {told['learning_s']:.1f}, planning {told['planning_s']:.1f}, commands {told['commands_s']:.1f}; "
        f"{TOWN_HEATERS:,} at this rate in {told['control_s'] * TOWN_HEATERS / told['heaters']:.0f} s"
    )
    session = found["market"]
    market = (
        f"a session of the global market with {session['bids']:,} hours of bids: limited in {session['limit_s']:.2f} s, cleared in "
        f"{session['clear_s']:.2f} s; all coordination schemes in {session['compare_s']:.1f} s of processor time"
    )
    balancing = [_balancing(found["reserves"])] if found.get("reserves") else []
    balancing += [_operators(found["operators"])] if found.get("operators") else []
    told = [schedules, together, heaters, market, *balancing, _flood(found["flood"])]
    return "\n".join([*rates, "", *told, "", head, *map(_line, found["days"])])


def _flood(told: dict[str, Any]) -> str:
    return (
        f"95 % of orders arrive within {told['order_p95_ms']:,.0f} ms of the simulated clock beside a flood of {told['flood']:,} messages from another party, "
        f"within {told['calm_p95_ms']:,.0f} ms without; the flood itself takes {told['flood_longest_ms'] / 1000.0:,.0f} s"
    )


def _operators(day: dict[str, Any]) -> str:
    stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in day["cpu_s"].items())
    return (
        f"a day of {day['operators']} operators, {day['perimeters']} perimeters, {day['providers']} providers and {day['points']:,} connection points, from registration "
        f"to settlement: {stages} of processor time, {sum(day['wall_s'].values()):.0f} s on the clock; {day['messages']:,} messages, "
        f"{day['measurements']:,} signed hours, {day['peak_mb']:,.0f} MB"
    )


def _balancing(day: dict[str, Any]) -> str:
    return (
        f"{day['homes']:,} homes balanced the transmission system for a day in {day['run_s']:.1f} s of processor time: {day['messages']:,} messages, "
        f"{day['set_points']:,} set-points and blocks every {day['cycle_s']} s"
    )


def _line(day: dict[str, Any]) -> str:
    seconds = "".join(f"{day['cpu_s'].get(stage, 0.0):>13.2f}" for stage in STAGES)
    costs = (
        f"{day['cpu_s_a_day']:>11.2f}{day['us_a_home_step']:>14.1f}{day['peak_mb']:>11,.0f}{day['growth_mb']:>13,.0f}"
    )
    return f"{day['homes']:>6} homes  {day['history_days']:>7} d{seconds}{costs}{day['messages']:>12,}{day['power_flows']:>13,}"


def _machine() -> dict[str, Any]:
    return {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
