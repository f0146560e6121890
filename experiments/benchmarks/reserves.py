"""A day of homes that balance the transmission system, shortened: what the parts of such a world cost."""

import time
from typing import NamedTuple

from experiments.assembly.site import build_site
from experiments.assembly.world import build_world
from experiments.scenario import load_scenario, scenario_from

SCENARIO = "tso-balancing"
HISTORY_DAYS = 2


class ReserveDay(NamedTuple):
    """Processor time of a balancing day, from noon of the day before to its settlement, and what was in it."""

    homes: int
    cycle_s: int
    setup_s: float
    run_s: float
    messages: int
    set_points: int
    called_kwh: float


def reserve_day(homes: int = 120, cycle_s: int = 60) -> ReserveDay:
    """Live the shipped balancing day.

    Args:
        homes: in its three pools; needs and units grow with them.
        cycle_s: time between two set-points.
    """
    content = load_scenario(SCENARIO).as_data()
    factor = homes / content["people"][0]["homes"]["count"]
    content["clock"] |= {"history_days": HISTORY_DAYS, "lead_h": 12, "tail_h": 2}
    content["people"][0]["homes"] |= {"count": homes, "spread": "even"}
    said = content["balancing"]
    said["signals"] |= {"cycle_s": cycle_s, "imbalance_kw": factor * said["signals"]["imbalance_kw"]}
    for product in ("fcr", "afrr", "mfrr"):
        said[product] |= {name: factor * said[product][name] for name in ("need_kw", "min_bid_kw", "granularity_kw")}
    for unit in said["units"]:
        unit |= {name: factor * unit[name] for name in ("capacity_kw", "least_kw", "ramp_kw_per_min")}
    begun = time.process_time()
    site = build_site(scenario_from(content), 1, lambda *_: None)
    world = build_world(site)
    ready = time.process_time()
    world.run(site.timeline.end_ms)
    lived = time.process_time()
    tables = {name: actor.party.registers for actor in world.agents if (name := actor.party.name) == said["tso"]}
    registers = tables[said["tso"]]
    due = sum(abs(float(kw)) for kw in registers["reserve_deliveries"].columns()["due_kw"])
    return ReserveDay(
        homes, cycle_s, ready - begun, lived - ready, sum(len(one.batch) for one in world.bus.journal.traffic),
        len(registers["reserve_orders"]), due * site.timeline.hours,
    )  # fmt: skip
