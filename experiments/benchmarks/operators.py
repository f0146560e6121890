"""A whole day of two system operators, fifty providers and five thousand connection points, as `traffic-light-day` lives it, only larger.

From registration and static lights over prequalification, dynamic lights, bids, clearing and dispatch to signed measurements, verification and settlement.
Each operator's network is the medium-voltage grid of the default scenario with its low-voltage grid ten times (``district``); every low-voltage grid is a
perimeter. Every home has something that can be moved and a provider for it, so that homes and connection points are the same number.
"""

import json
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from experiments.benchmarks.days import Stages, lived, messages_of, peak_mb
from experiments.benchmarks.district import BASE, plain_network, repeated
from experiments.progress import Report, progress_bar
from experiments.scenario import Scenario, load_scenario, scenario_from

DAY = "traffic-light-day"
KVA_A_HOME = 1.7
"""Rating of a substation for each of its homes: enough for the coldest evening of the history, so that there is something that operators can validate."""
GRID_KVA = 400.0
"""Rating of the substation of the low-voltage grid that is repeated."""
LEAST_FACTOR = 0.5
"""The medium-voltage transformers are scaled with it too."""
HISTORY_DAYS = 2
POINTS_A_PERIMETER, POINTS_A_STEP = 250, 500
"""Both operators have as many perimeters, each with so many points."""
POINTS_A_PROVIDER = 100
REGISTERS = "04:00 the day before"
"""Early enough that all pools are tested, one after the other, before the session opens."""


def day_of_two_operators(folder: Path, points: int, perimeters: int, providers: int) -> Scenario:
    """The scenario.

    Args:
        folder: where the network file is written.
        points: connection points of both operators together.
        perimeters: of both together; even.
        providers: how many.
    """
    base = load_scenario(DAY).as_data()
    district = load_scenario(BASE)
    network = folder / "operator.json"
    network.write_text(json.dumps(repeated(plain_network(district.grid.network), perimeters // 2)), encoding="utf-8")
    names = [f"bsp-{number + 1:02d}" for number in range(providers)]
    operators = [{**said, "network": str(network), "n1": []} for said in base["global_market"]["dsos"]]
    shares = dict.fromkeys(names[1:], 1.0 / providers)
    served_by = {names[0]: 1.0 - sum(shares.values()), **shares}
    people = [
        {
            "homes": {
                "count": points // 2, "dso": said["name"], "prefix": said["name"], "contracted_kw": 4.5,
                "tariff": {"it-flat-2025": "80%", "it-f1f2f3-2025": "20%"},
            },
            "devices": {"pv": "30%", "battery": "15%", "ev": "12%", "heat_pump": "10%", "water_heater": "100%"},
            "served_by": served_by, "consent": "100%", "automatic": "95%",
        }
        for said in operators
    ]  # fmt: skip
    return scenario_from({
        "name": "day-of-two-operators",
        "clock": {**base["clock"], "history_days": HISTORY_DAYS},
        "place": base["place"],
        "grid": {"limits": base["grid"]["limits"], "transformer_rating_factor": max(points / perimeters * KVA_A_HOME / GRID_KVA, LEAST_FACTOR)},
        "people": people,
        "global_market": {
            "dsos": operators, "bsps": [{"name": name, "registers": REGISTERS} for name in names],
            "transmission": {"peak_kw": points * 20.0},
        },
    })  # fmt: skip


def sized(points: int) -> tuple[int, int, int]:
    """Points, perimeters and providers of a day in the proportions that the aim speaks of (5 000, 20, 50)."""
    return points, max(points // POINTS_A_PERIMETER, 2), max(points // POINTS_A_PROVIDER, 1)


class DayOfOperators(NamedTuple):
    """What a day took.

    Attributes:
        operators, perimeters, providers, points: its size; points are those that were registered.
        cpu_s: processor seconds by stage: set-up, history, run (from registration on the day before to settlement on the day after).
        wall_s: the same on the clock.
        peak_mb: the most memory.
        messages: sent and acknowledged.
        measurements: hours of points that were signed, stored and audited.
        verified: perimeters with an outcome.
        settled_kwh: energy that the TSO paid for.
        ends: outcome of a conversation -> how many ended so, by use case.
    """

    operators: int
    perimeters: int
    providers: int
    points: int
    cpu_s: dict[str, float]
    wall_s: dict[str, float]
    peak_mb: float
    messages: int
    measurements: int
    verified: int
    settled_kwh: float
    ends: dict[str, dict[str, int]]


def a_day(report: Report, points: int = 5_000, perimeters: int = 20, providers: int = 50) -> DayOfOperators:
    """Live a day and measure it.

    Args:
        report: told of the progress.
        points: connection points.
        perimeters: of both operators together.
        providers: how many.
    """
    from experiments.run.tables import registered

    stages = Stages(report)
    with TemporaryDirectory() as name:
        world, site = lived(day_of_two_operators(Path(name), points, perimeters, providers), stages)
        outcomes, settled = registered(world, "verification_outcomes"), registered(world, "service_settlements")
        ends: dict[str, Counter[str]] = {}
        for talk in world.bus.journal.conversations.values():
            ends.setdefault(talk.suc, Counter())[talk.outcome or "open"] += 1
        lit = registered(world, "dynamic_lights").get("perimeter", np.zeros(0, object))
        return DayOfOperators(
            operators=len(site.scenario.global_market.dsos), perimeters=len(set(lit.tolist())), providers=providers,
            points=len(set(registered(world, "registered_points")["gcp"].tolist())), cpu_s=stages.cpu_s, wall_s=stages.wall_s,
            peak_mb=peak_mb(), messages=messages_of(world), measurements=len(registered(world, "measurements").get("t_ms", ())),
            verified=len(outcomes.get("perimeter", ())), settled_kwh=float(np.sum(settled.get("delivered_kwh", 0.0))),
            ends={name: dict(sorted(ends[name].items())) for name in sorted(ends)},
        )  # fmt: skip


def main() -> None:
    """Measure the day that the aim speaks of, or a smaller one: points, then perimeters and providers if they are not in proportion."""
    size = [int(word) for word in sys.argv[1:]]
    size = [*sized(size[0])] if len(size) == 1 else size
    with progress_bar() as report:
        found = a_day(report, *size)
    sys.stdout.write(json.dumps(found._asdict(), indent=1) + "\n")


if __name__ == "__main__":
    main()
