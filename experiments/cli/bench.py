"""Answer of ``coflex bench``."""

from experiments.cli.output import Answer
from experiments.errors import CoflexError
from experiments.progress import progress_bar

QUICK_HOMES, LARGEST_HOMES = 20, 10_000


def benched(homes: int | None, *, quick: bool) -> Answer:
    """Measure the parts and whole days.

    Args:
        homes: of the largest day; 10 000 if not given, of a quick one 20.
        quick: small numbers, one day.
    """
    from experiments.benchmarks.bench import bench, table
    from experiments.benchmarks.district import HOMES_A_GRID

    asked = homes or (QUICK_HOMES if quick else LARGEST_HOMES)
    if asked > HOMES_A_GRID and asked % HOMES_A_GRID:
        msg = f"--homes {asked}: more than {HOMES_A_GRID} homes live in whole grids, so their number is a multiple of {HOMES_A_GRID}"
        raise CoflexError(msg)
    with progress_bar() as report:
        found = bench(asked, quick=quick, report=report)
    return Answer(table(found), found)
