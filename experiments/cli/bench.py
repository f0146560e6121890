"""Answer of ``coflex bench``."""

from experiments.cli.output import Answer
from experiments.errors import CoflexError
from experiments.progress import progress_bar

QUICK_HOMES, LARGEST_HOMES = 20, 10_000
POINTS = 1_000
"""Connection points of the day of two operators, if not given; a quick one has no such day."""


def benched(homes: int | None, points: int | None, *, quick: bool) -> Answer:
    """Measure the parts and whole days.

    Args:
        homes: of the largest day; 10 000 if not given, of a quick one 20.
        points: connection points of the day of two operators; 1 000 if not given, of a quick one none. A multiple of 500.
        quick: small numbers, one day.
    """
    from experiments.benchmarks.bench import bench, table
    from experiments.benchmarks.district import HOMES_A_GRID
    from experiments.benchmarks.operators import POINTS_A_STEP

    asked = homes or (QUICK_HOMES if quick else LARGEST_HOMES)
    if asked > HOMES_A_GRID and asked % HOMES_A_GRID:
        msg = f"--homes {asked}: more than {HOMES_A_GRID} homes live in whole grids, so their number is a multiple of {HOMES_A_GRID}"
        raise CoflexError(msg)
    if points and points % POINTS_A_STEP:
        msg = f"--points {points}: perimeters have 250 connection points each and operators as many perimeters, so their number is a multiple of {POINTS_A_STEP}"
        raise CoflexError(msg)
    with progress_bar() as report:
        found = bench(asked, (0 if quick else POINTS) if points is None else points, quick=quick, report=report)
    return Answer(table(found), found)
