"""Commands that make a run or look at one."""

from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.application import app
from experiments.cli.options import Formats, Sets, examples
from experiments.cli.output import Format, emit


@app.command(
    epilog=examples(
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
    from experiments.cli.run import run_scenario

    told = progress is Format.json
    emit(
        run_scenario(scenario, seed=seed, out=out, sets=sets or (), twin=not no_twin, force=force, progress_json=told),
        form,
    )


@app.command(epilog=examples("coflex replay runs/district-day-1-1"))
def replay(folder: Annotated[Path, typer.Argument(help="a run folder")], form: Formats = Format.text) -> None:
    """Run again from a run folder alone. Compares the results; exit code 1 with the first difference."""
    from experiments.cli.run import replayed

    emit(replayed(folder), form)


@app.command(
    epilog=examples(
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
    from experiments.cli.run import compared

    emit(compared(folders), form)


@app.command(
    epilog=examples("coflex bill runs/community-month-1-1", "coflex bill runs/community-month-1-1 --member home-0003")
)
def bill(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="a run folder")],
    member: Annotated[str | None, typer.Option(help="only this member's")] = None,
    form: Formats = Format.text,
) -> None:
    """Print the bills of a community's members, each as its member gets it."""
    from experiments.cli.run import bills_shown

    emit(bills_shown(run_folder, member), form)


@app.command(epilog=examples("coflex diagram runs/district-day-1-1 SUC06.2 --picture png"))
def diagram(
    folder: Annotated[Path, typer.Argument(help="a run folder")],
    usecase: Annotated[str, typer.Argument(help="a use case, for example SUC06.2")],
    conversation: Annotated[str | None, typer.Option(help="only this conversation")] = None,
    picture: Annotated[str | None, typer.Option(help="svg, png or mermaid; svg and mermaid if not given")] = None,
    out: Annotated[Path | None, typer.Option(help="file or folder to write; in the run folder if not given")] = None,
    form: Formats = Format.text,
) -> None:
    """Draw who told what to whom in a run."""
    from experiments.cli.usecases import diagram_drawn

    emit(diagram_drawn(folder, usecase, conversation=conversation, picture=picture, out=out), form)


@app.command(
    epilog=examples("coflex bench --quick", "coflex bench --homes 100000 --format json", "coflex bench --points 5000")
)
def bench(
    homes: Annotated[
        int | None, typer.Option(help="homes of the largest day; 10 000 if not given, 20 with --quick", min=1)
    ] = None,
    points: Annotated[
        int | None,
        typer.Option(
            help="connection points of the day of two operators; 1 000 if not given, none with --quick", min=0
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="small numbers, one day: whether it works, not how fast")
    ] = False,
    form: Formats = Format.text,
) -> None:
    """Measure how fast coflex is here. Messages, devices, schedules, power flows, and whole days; takes minutes."""
    from experiments.cli.bench import benched

    emit(benched(homes, points, quick=quick), form)


@app.command(epilog=examples("coflex dashboard", "coflex dashboard runs --port 8600 --no-browser"))
def dashboard(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="a folder of runs, where new ones go too, or one run folder")
    ] = Path("runs"),
    port: Annotated[int, typer.Option(help="port of the page on this machine", min=1, max=65535)] = 8501,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="only serve it; do not open a browser")] = False,
) -> None:
    """Ask "what if" in the browser. Change a scenario with plain controls, run it, and compare runs side by side."""
    from experiments.cli.dashboard import serve_dashboard

    serve_dashboard(folder, port=port, browser=not no_browser)
