"""Commands that ask many runs or an optimisation: sizing, sweeps, studies and their results."""

from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.application import app
from experiments.cli.options import Cluster, Formats, Sets, Workers, examples
from experiments.cli.output import Format, Method, StudyKind, emit


@app.command(
    epilog=examples(
        "coflex size community-plan",
        "coflex size my-community.yaml --seed 7 --out runs/plan --set technologies.battery.capex_eur=300",
        "coflex size community-plan --format json",
    )
)
def size(
    study: Annotated[str, typer.Argument(help="name of a shipped study, or a .yaml file")],
    seed: Annotated[int, typer.Option(help="seed of every draw", min=0)] = 1,
    out: Annotated[Path | None, typer.Option(help="folder to write; runs/<study>-<seed>-<n> if not given")] = None,
    sets: Sets = None,
    force: Annotated[bool, typer.Option("--force", help="replace a run folder that is not empty")] = False,
    form: Formats = Format.text,
) -> None:
    """Size an energy community. What to install under which business model; prints the comparison, leaves tables and a report."""
    from experiments.cli.size import community_sized

    emit(community_sized(study, seed=seed, out=out, sets=sets or (), force=force), form)


@app.command(
    epilog=examples(
        "coflex sweep ev-share --plan",
        "coflex sweep ev-share --workers 2",
        "coflex sweep my-sweep.yaml --cluster tcp://10.0.0.1:8786 --out sweeps/mine --set seeds.count=20",
    )
)
def sweep(
    file: Annotated[str, typer.Argument(metavar="FILE", help="a .yaml file, or the name of a shipped sweep")],
    workers: Workers = None,
    cluster: Cluster = None,
    out: Annotated[Path | None, typer.Option(help="folder to write or to go on in; sweeps/<name> if not given")] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY.PATH=VALUE", help="change a key of the sweep; may be given again"),
    ] = None,
    only_plan: Annotated[bool, typer.Option("--plan", help="check and print the points; run nothing")] = False,
    form: Formats = Format.text,
) -> None:
    """Run a scenario many times. What varies is in a file; the same command goes on where it was interrupted, and repeats what failed."""
    from experiments.cli.sweep import sweep_run

    emit(sweep_run(file, workers=workers, cluster=cluster, out=out, sets=sets or (), only_plan=only_plan), form)


@app.command(
    epilog=examples(
        "coflex study sra district-short --seeds 5 --workers 2",
        "coflex study sra district-short --part cars --part delay",
        "coflex study rules district-short",
        "coflex study sensitivity district-short --budget 256",
    )
)
def study(
    kind: Annotated[
        StudyKind, typer.Argument(help="the question: sra (scalability, replicability), rules, sensitivity")
    ],
    scenario: Annotated[str, typer.Argument(help="name of a shipped scenario, or a .yaml file")],
    seeds: Annotated[int | None, typer.Option(help="seeds of each point; 3, or 1 for sensitivity", min=1)] = None,
    budget: Annotated[int, typer.Option(help="most runs of sensitivity", min=1)] = 128,
    method: Annotated[
        Method, typer.Option(help="of sensitivity: screening, or indices that take many more runs")
    ] = Method.morris,
    parts: Annotated[
        list[str] | None, typer.Option("--part", metavar="NAME", help="only this part of sra; may be given again")
    ] = None,
    workers: Workers = None,
    cluster: Cluster = None,
    out: Annotated[Path | None, typer.Option(help="folder; studies/<kind>-<scenario> if not given")] = None,
    form: Formats = Format.text,
) -> None:
    """Ask a question that many runs answer. One page as answer; the same command goes on where it was interrupted."""
    from experiments.cli.study import study_made

    options = {"seeds": seeds, "budget": budget, "method": method.value, "parts": tuple(parts or ())}
    emit(study_made(kind.value, scenario, options, workers=workers, cluster=cluster, out=out), form)


@app.command(
    epilog=examples(
        "coflex results sweeps/ev-share",
        'coflex results sweeps/ev-share --sql "select ev, avg(overload_hours) from wide group by ev order by ev"',
        'coflex results runs/district-day-1-1 --sql "select branch, max(loading_percent) from grid_branches group by branch"',
    )
)
def results(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="of a sweep, or of a run")],
    sql: Annotated[str | None, typer.Option(help="a query on the views; without it they are listed")] = None,
    form: Formats = Format.text,
) -> None:
    """Ask all runs of a sweep in SQL. Without a query the views and their columns."""
    from experiments.cli.sweep import results_queried

    emit(results_queried(folder, sql), form)
