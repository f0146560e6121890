"""Answers of the commands that run and compare: run, replay, compare."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from experiments.assembly.check import check_scenario
from experiments.cli.output import Answer
from experiments.errors import CoflexError
from experiments.progress import progress_bar
from experiments.scenario import find_scenario, load_scenario


def run_scenario(
    name: str,
    *,
    seed: int,
    out: Path | None,
    sets: Iterable[str],
    twin: bool,
    force: bool,
    progress_json: bool = False,
) -> Answer:
    """Run a scenario and write its folder; both are checked before anything is computed."""
    scenario = load_scenario(name, sets)
    check_scenario(scenario, where=find_scenario(name).name)
    folder = out or free_folder(Path("runs"), f"{scenario.name}-{seed}")
    check_place(folder)
    from experiments.results import check_out

    check_out(folder, force)
    from experiments.kpis import figure_table
    from experiments.run import run

    with progress_bar(as_json=progress_json) as report:
        result = run(scenario, seed=seed, out=folder, twin=twin, force=force, progress=report)
    table = figure_table(result.figures, result.twin_figures)
    seconds = ", ".join(f"{stage} {wall:.1f} s" for stage, wall in result.wall_s.items())
    text = f"{table}\n\n{seconds}; digest {result.digest}\nreport: {Path(result.out) / 'report.html'}"
    return Answer(text, run_data(result))


def run_data(result: Any) -> dict[str, Any]:
    """A run's result as scripts read it: out, seed, digest, wall_s, figures, twin."""
    return {
        "out": str(result.out),
        "seed": result.seed,
        "digest": result.digest,
        "wall_s": result.wall_s,
        "figures": result.figures,
        "twin": None if result.twin_figures is None else {"figures": result.twin_figures},
    }


def bills_shown(folder: Path, member: str | None) -> Answer:
    """Bills of a community's members."""
    import dataclasses

    from experiments.bills import bills
    from experiments.results import open_run
    from markets.community.bill import bill_text

    found = bills(open_run(folder), member)
    data = [
        dataclasses.asdict(bill) | {"first": f"{bill.first}", "last": f"{bill.last}", "total_cents": bill.total_cents}
        for bill in found
    ]
    return Answer("\n\n\n".join(bill_text(bill) for bill in found), data)


def check_place(folder: Path) -> None:
    """Refuse a folder below something that is none.

    Raises:
        CoflexError: a parent is a file.
    """
    for parent in folder.absolute().parents:
        if parent.exists() and not parent.is_dir():
            msg = f"{folder} cannot be made: {parent} is not a folder"
            raise CoflexError(msg)


def free_folder(parent: Path, stem: str) -> Path:
    """The first of ``<stem>-1``, ``<stem>-2``, ... that does not exist."""
    number = 1
    while (parent / f"{stem}-{number}").exists():
        number += 1
    return parent / f"{stem}-{number}"


def replayed(folder: Path) -> Answer:
    """Run again from the folder alone, and compare."""
    from experiments.replay import replay

    with progress_bar() as report:
        result = replay(folder, progress=report)
    same = "bit for bit" if result.exact else "to 1e-6 of every unit"
    found = (
        f"the same results as in {folder}, {same}" if result.same else f"different from {folder}: {result.difference}"
    )
    data = {
        "same": result.same,
        "exact": result.exact,
        "difference": result.difference,
        "warnings": list(result.warnings),
        "digest": result.digest,
        "replayed_digest": result.replayed_digest,
    }
    return Answer("\n".join([found, *(f"version: {warning}" for warning in result.warnings)]), data, yes=result.same)


def compared(folders: Sequence[Path]) -> Answer:
    """The figures of runs side by side."""
    from experiments.compare import compare

    comparison = compare(list(folders))
    return Answer(comparison.text(), comparison.data())
