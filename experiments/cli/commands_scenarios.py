"""Commands about what ships and what a user wrote: scenarios, use cases, rules, schemes."""

from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.application import app
from experiments.cli.options import Example, Force, Formats, Sets, examples
from experiments.cli.output import Format, emit


@app.command(epilog=examples("coflex scenarios --format json", "coflex scenarios --studies"))
def scenarios(
    studies: Annotated[
        bool, typer.Option("--studies", help="only the sizing studies, which coflex size takes")
    ] = False,
    form: Formats = Format.text,
) -> None:
    """List the scenarios and studies that ship with coflex."""
    from experiments.cli.scenario import scenario_list, study_list

    emit(study_list() if studies else scenario_list(), form)


@app.command(epilog=examples("coflex show district-day", "coflex show my.yaml --all --set clock.days=2"))
def show(
    scenario: Annotated[str, typer.Argument(help="name of a shipped scenario, or a .yaml file")],
    complete: Annotated[bool, typer.Option("--all", help="every key with its default, unit and source")] = False,
    sets: Sets = None,
    form: Formats = Format.text,
) -> None:
    """Print a scenario, as written or complete."""
    from experiments.cli.scenario import scenario_shown

    emit(scenario_shown(scenario, complete=complete, sets=sets or ()), form)


@app.command(epilog=examples("coflex schema", "coflex schema people --format json"))
def schema(
    section: Annotated[str | None, typer.Argument(help="only keys that begin so, for example people")] = None,
    form: Formats = Format.text,
) -> None:
    """Explain the keys of a scenario. Type, unit, default and its source; as JSON the JSON schema."""
    from experiments.cli.scenario import schema_shown

    emit(schema_shown(section), form)


@app.command(epilog=examples("coflex validate my.yaml"))
def validate(
    file: Annotated[str, typer.Argument(help="a .yaml file, or the name of a shipped scenario")],
    sets: Sets = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="also read network and weather files of your own (slower)")
    ] = False,
    form: Formats = Format.text,
) -> None:
    """Report what is wrong with a scenario. Everything at once; exit code 1 if anything is."""
    from experiments.cli.scenario import scenario_checked

    emit(scenario_checked(file, sets=sets or (), deep=deep), form)


@app.command(
    epilog=examples(
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
    from experiments.cli.usecases import usecases_shown

    emit(usecases_shown(usecase, rules=rules, runs=runs or (), strict=strict), form)


@app.command(
    epilog=examples(
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
    from experiments.cli.rules import rules_shown

    emit(rules_shown(name, source=source, sets=sets or (), example=example, force=force), form)


@app.command(
    epilog=examples(
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
    from experiments.cli.schemes import schemes_shown

    emit(schemes_shown(source, sets=sets or (), example=example, force=force, seed=seed, report=report), form)
