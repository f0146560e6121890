"""The command line of coflex: arguments in, text or one JSON document out; the work is done by the library.

Heavy modules are imported by the command that needs them, so that ``coflex --help`` answers at once.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from experiments.cli_output import Format, Method, StudyKind, emit, error_text
from experiments.errors import InterruptedWorkError

EXIT_DONE, EXIT_NO, EXIT_NOT_STARTED, EXIT_INTERRUPTED = 0, 1, 2, 130

app = typer.Typer(
    name="coflex",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Formats = Annotated[Format, typer.Option("--format", help="text to read, or one JSON document on standard output")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY.PATH=VALUE", help="change a key of the scenario; may be given again"),
]
Workers = Annotated[int | None, typer.Option(help="runs at once on this machine; all processors if not given", min=1)]
Cluster = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="a Dask scheduler, tcp://host:port, in place of this machine")
]
Example = Annotated[
    Path | None, typer.Option("--example", metavar="FILE", help="write a file that runs, by its suffix")
]
Force = Annotated[bool, typer.Option("--force", help="replace a file that exists")]


def _examples(*lines: str) -> str:
    """The end of a help page: examples, a line each."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def main() -> None:
    """Entry point of the ``coflex`` command."""
    for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(threads, "1")  # small systems: a second thread only adds waiting
    sys.exit(run_cli(sys.argv[1:]))


def run_cli(arguments: Sequence[str]) -> int:
    """Run one command line.

    Args:
        arguments: the words after ``coflex``; ``--debug`` anywhere shows tracebacks.

    Returns:
        Exit code: 0 done, 1 done and the answer is no, 2 could not be started, 130 interrupted.
    """
    words = [word for word in arguments if word != "--debug"]
    try:
        code = typer.main.get_command(app).main(args=words or ["--help"], prog_name="coflex", standalone_mode=False)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except InterruptedWorkError as stop:
        typer.echo(str(stop), err=True)
        return EXIT_INTERRUPTED
    except Exception as error:
        if len(words) < len(arguments):
            raise
        typer.echo(error_text(error), err=True)
        return EXIT_NOT_STARTED
    if code == EXIT_INTERRUPTED:
        typer.echo("interrupted; nothing was written", err=True)
    return code if isinstance(code, int) else EXIT_DONE


@app.callback(
    epilog=_examples("coflex run district-day", "coflex usecases SUC06.2")
    + "\n\nExit codes: 0 done, 1 done and the answer is no, 2 could not be started, 130 interrupted."
)
def coflex(
    debug: Annotated[bool, typer.Option("--debug", help="show the traceback of an error")] = False,
) -> None:
    """Coordination rules for flexible energy systems, tried out day by day in a distribution grid."""


@app.command(
    epilog=_examples(
        "coflex run district-day", "coflex run my.yaml --seed 7 --out runs/mine --set people.0.devices.ev=80%"
    )
)
def run(
    scenario: Annotated[str, typer.Argument(help="name of a shipped scenario, or a .yaml file")],
    seed: Annotated[int, typer.Option(help="seed of every draw", min=0)] = 1,
    out: Annotated[Path | None, typer.Option(help="folder to write; runs/<scenario>-<seed>-<n> if not given")] = None,
    sets: Sets = None,
    no_twin: Annotated[bool, typer.Option("--no-twin", help="leave out the same world without coordination")] = False,
    force: Annotated[bool, typer.Option("--force", help="replace a run folder that is not empty")] = False,
    progress: Annotated[
        Format, typer.Option("--progress", help="progress on standard error: for people, or a JSON object a line")
    ] = Format.text,
    form: Formats = Format.text,
) -> None:
    """Run a scenario. Prints its figures and leaves a folder with tables and a report."""
    from experiments.cli_run import run_scenario

    told = progress is Format.json
    emit(
        run_scenario(scenario, seed=seed, out=out, sets=sets or (), twin=not no_twin, force=force, progress_json=told),
        form,
    )


@app.command(
    epilog=_examples(
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
    from experiments.cli_size import community_sized

    emit(community_sized(study, seed=seed, out=out, sets=sets or (), force=force), form)


@app.command(
    epilog=_examples(
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
    from experiments.cli_sweep import sweep_run

    emit(sweep_run(file, workers=workers, cluster=cluster, out=out, sets=sets or (), only_plan=only_plan), form)


@app.command(
    epilog=_examples(
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
    from experiments.cli_study import study_made

    options = {"seeds": seeds, "budget": budget, "method": method.value, "parts": tuple(parts or ())}
    emit(study_made(kind.value, scenario, options, workers=workers, cluster=cluster, out=out), form)


@app.command(
    epilog=_examples(
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
    from experiments.cli_sweep import results_queried

    emit(results_queried(folder, sql), form)


@app.command(epilog=_examples("coflex scenarios --format json", "coflex scenarios --studies"))
def scenarios(
    studies: Annotated[
        bool, typer.Option("--studies", help="only the sizing studies, which coflex size takes")
    ] = False,
    form: Formats = Format.text,
) -> None:
    """List the scenarios and studies that ship with coflex."""
    from experiments.cli_scenario import scenario_list, study_list

    emit(study_list() if studies else scenario_list(), form)


@app.command(epilog=_examples("coflex show district-day", "coflex show my.yaml --all --set clock.days=2"))
def show(
    scenario: Annotated[str, typer.Argument(help="name of a shipped scenario, or a .yaml file")],
    complete: Annotated[bool, typer.Option("--all", help="every key with its default, unit and source")] = False,
    sets: Sets = None,
    form: Formats = Format.text,
) -> None:
    """Print a scenario, as written or complete."""
    from experiments.cli_scenario import scenario_shown

    emit(scenario_shown(scenario, complete=complete, sets=sets or ()), form)


@app.command(epilog=_examples("coflex schema", "coflex schema people --format json"))
def schema(
    section: Annotated[str | None, typer.Argument(help="only keys that begin so, for example people")] = None,
    form: Formats = Format.text,
) -> None:
    """Explain the keys of a scenario. Type, unit, default and its source; as JSON the JSON schema."""
    from experiments.cli_scenario import schema_shown

    emit(schema_shown(section), form)


@app.command(epilog=_examples("coflex validate my.yaml"))
def validate(
    file: Annotated[str, typer.Argument(help="a .yaml file, or the name of a shipped scenario")],
    sets: Sets = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="also read network and weather files of your own (slower)")
    ] = False,
    form: Formats = Format.text,
) -> None:
    """Report what is wrong with a scenario. Everything at once; exit code 1 if anything is."""
    from experiments.cli_scenario import scenario_checked

    emit(scenario_checked(file, sets=sets or (), deep=deep), form)


@app.command(
    epilog=_examples(
        "coflex usecases", "coflex usecases SUC06.3 --rules", "coflex usecases --run runs/district-day-1-1 --strict"
    )
)
def usecases(
    usecase: Annotated[str | None, typer.Argument(help="a use case, for example SUC06.2")] = None,
    rules: Annotated[bool, typer.Option("--rules", help="its rules: what enforces and what tests each")] = False,
    runs: Annotated[
        list[Path] | None,
        typer.Option("--run", metavar="FOLDER", help="what this run made, broke, did not reach; may be given again"),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="exit code 1 if a step is broken")] = False,
    form: Formats = Format.text,
) -> None:
    """Show use cases, and what runs made of them. The catalogue, one of it with its rules, or the steps of runs."""
    from experiments.cli_usecases import usecases_shown

    emit(usecases_shown(usecase, rules=rules, runs=runs or (), strict=strict), form)


@app.command(
    epilog=_examples(
        "coflex rules",
        "coflex rules merit-order",
        "coflex rules merit-order --example bids.yaml",
        "coflex rules merit-order --input bids.yaml --format json",
        "coflex rules linear-with-grace --input deliveries.csv --set penalty_eur_per_kwh=0.1",
    )
)
def rules(
    name: Annotated[str | None, typer.Argument(help="a rule, for example merit-order")] = None,
    source: Annotated[
        Path | None,
        typer.Option("--input", metavar="FILE", help="run the rule on records of a .yaml, .json or .csv file"),
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="change a key of the input; may be given again"),
    ] = None,
    example: Example = None,
    force: Force = False,
    form: Formats = Format.text,
) -> None:
    """Show market rules, and run one on records of your own, without a simulation. As JSON: JSON Schema and a worked example."""
    from experiments.cli_rules import rules_shown

    emit(rules_shown(name, source=source, sets=sets or (), example=example, force=force), form)


@app.command(
    epilog=_examples(
        "coflex schemes traffic-light-day",
        "coflex schemes --example day.yaml",
        "coflex schemes day.yaml --set unmet_eur_per_kwh=5",
    )
)
def schemes(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE",
            help="a scenario with a global market (it is run first), a run folder, or a file with bids, networks and needs (.yaml or .json)",
        ),
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="change a key of the file or scenario; may be given again"),
    ] = None,
    example: Example = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report", metavar="FILE", help="page to write; of a run schemes.html in its folder if not given"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="seed of the run of a scenario")] = 1,
    force: Force = False,
    form: Formats = Format.text,
) -> None:
    """Compare coordination schemes. The same bids and needs under each: cost by party, open needs, broken limits, messages; table and report."""
    from experiments.cli_schemes import schemes_shown

    emit(schemes_shown(source, sets=sets or (), example=example, force=force, seed=seed, report=report), form)


@app.command(epilog=_examples("coflex diagram runs/district-day-1-1 SUC06.2 --picture png"))
def diagram(
    folder: Annotated[Path, typer.Argument(help="a run folder")],
    usecase: Annotated[str, typer.Argument(help="a use case, for example SUC06.2")],
    conversation: Annotated[str | None, typer.Option(help="only this conversation")] = None,
    picture: Annotated[str | None, typer.Option(help="svg, png or mermaid; svg and mermaid if not given")] = None,
    out: Annotated[Path | None, typer.Option(help="file or folder to write; in the run folder if not given")] = None,
    form: Formats = Format.text,
) -> None:
    """Draw who told what to whom in a run."""
    from experiments.cli_usecases import diagram_drawn

    emit(diagram_drawn(folder, usecase, conversation=conversation, picture=picture, out=out), form)


@app.command(epilog=_examples("coflex bench --quick", "coflex bench --homes 100000 --format json"))
def bench(
    homes: Annotated[
        int | None, typer.Option(help="homes of the largest day; 10 000 if not given, 20 with --quick", min=1)
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="small numbers, one day: whether it works, not how fast")
    ] = False,
    form: Formats = Format.text,
) -> None:
    """Measure how fast coflex is here. Messages, devices, schedules, power flows, and whole days; takes minutes."""
    from experiments.cli_bench import benched

    emit(benched(homes, quick=quick), form)


@app.command(epilog=_examples("coflex replay runs/district-day-1-1"))
def replay(folder: Annotated[Path, typer.Argument(help="a run folder")], form: Formats = Format.text) -> None:
    """Run again from a run folder alone. Compares the results; exit code 1 with the first difference."""
    from experiments.cli_run import replayed

    emit(replayed(folder), form)


@app.command(
    epilog=_examples(
        "coflex compare runs/district-day-1-1 runs/district-day-2-1", "coflex compare runs/plan runs/plan-cheap"
    )
)
def compare(
    folders: Annotated[
        list[Path], typer.Argument(metavar="FOLDER", help="two run folders or more; differences are from the first")
    ],
    form: Formats = Format.text,
) -> None:
    """Put the figures of runs (or of sizing studies) side by side."""
    from experiments.cli_run import compared

    emit(compared(folders), form)


@app.command(
    epilog=_examples("coflex bill runs/community-month-1-1", "coflex bill runs/community-month-1-1 --member home-0003")
)
def bill(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="a run folder")],
    member: Annotated[str | None, typer.Option(help="only this member's")] = None,
    form: Formats = Format.text,
) -> None:
    """Print the bills of a community's members, each as its member gets it."""
    from experiments.cli_run import bills_shown

    emit(bills_shown(run_folder, member), form)


@app.command(epilog=_examples("coflex dashboard", "coflex dashboard runs --port 8600 --no-browser"))
def dashboard(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="a folder of runs, where new ones go too, or one run folder")
    ] = Path("runs"),
    port: Annotated[int, typer.Option(help="port of the page on this machine", min=1, max=65535)] = 8501,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="only serve it; do not open a browser")] = False,
) -> None:
    """Ask "what if" in the browser. Change a scenario with plain controls, run it, and compare runs side by side."""
    from experiments.cli_dashboard import serve_dashboard

    serve_dashboard(folder, port=port, browser=not no_browser)
