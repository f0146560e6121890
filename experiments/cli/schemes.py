"""Answers of the command about coordination schemes: a situation, a run, or a scenario's day under all of them, or an example of a situation."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.cli.output import Answer
from experiments.errors import CoflexError


def schemes_shown(
    source: str | None,
    *,
    sets: Sequence[str],
    example: Path | None,
    force: bool,
    seed: int = 1,
    report: Path | None = None,
) -> Answer:
    """Compare all schemes on a file's records, on the sessions of a run or of a scenario, or write such a file.

    Args:
        source: a file with bids, networks and needs, a run folder, or a scenario, which is run first.
        sets: changes of keys of the file or the scenario.
        example: file to write.
        force: replace files that exist.
        seed: of the run of a scenario.
        report: page to write; of a run it is ``schemes.html`` in its folder if not given.

    Raises:
        CoflexError: neither or both are asked for, or everything that is wrong with the input.
    """
    from experiments.rules.read import read_input, write_example
    from experiments.schemes import Situations, compared, comparison_text

    if (source is None) == (example is None):
        text = "give a file with bids, networks and needs, a run folder or a scenario, or --example FILE to write such a file: coflex schemes --example day.yaml"
        raise CoflexError(text)
    if example is not None:
        write_example(Situations, "schemes", example, force=force)
        return Answer(f"wrote {example}; compare: coflex schemes {example}", {"file": str(example)})
    assert source is not None
    folder = _folder_of(source, sets, seed)
    if folder is None:
        given = read_input(Situations, Path(source), sets)
        assert isinstance(given, Situations)
        said = compared(given)
        if report is not None:
            _write_page(report, source, [("", said)], force=force)
        return Answer(_with_page(comparison_text(said), report), said)
    return _of_run(folder, report, force=force)


def _folder_of(source: str, sets: Sequence[str], seed: int) -> Path | None:
    """The run folder that is meant, after running a scenario; None: a file with a situation."""
    from experiments.scenario import find_scenario
    from experiments.scenario.library import scenario_names
    from experiments.scenario.read import parse_yaml

    path = Path(source)
    if path.is_dir():
        if sets:
            msg = f"{source}: a run has been made; --set is for files and scenarios"
            raise CoflexError(msg)
        return path
    if path.suffix == ".json" or not (source in scenario_names() or path.is_file()):
        return None
    file = find_scenario(source)
    content = parse_yaml(file.read_text(encoding="utf-8"), file.name)
    if isinstance(content, dict) and "operators" in content:
        return None
    from experiments.cli.run import run_scenario
    from experiments.scenario import load_scenario

    if load_scenario(source, sets).global_market is None:
        msg = f"{source}: no global market in this scenario, so there is nothing that several operators want; try traffic-light-day"
        raise CoflexError(msg)
    answer = run_scenario(source, seed=seed, out=None, sets=sets, twin=False, force=False)
    return Path(answer.data["out"])


def _of_run(folder: Path, report: Path | None, *, force: bool) -> Answer:
    from experiments.results import open_run
    from experiments.schemes import compared_situation, comparison_text
    from experiments.schemes_run import days_of

    run = open_run(folder)
    bids = ((run.meta.get("scenario") or {}).get("global_market") or {}).get("bids") or {}
    said = {"unmet_eur_per_kwh": bids.get("unmet_eur_per_kwh", 3.0), "counts": bids.get("counts", True)}
    found = [
        (day.session, compared_situation(day.case, offer_of_bid=day.offer_of_bid, **said))
        for day in days_of(run.tables, str(folder))
    ]
    page = report or folder / "schemes.html"
    _write_page(page, f"Coordination schemes: {folder.name}", found, force=force or report is None)
    data = {
        "run": str(folder),
        "sessions": [{"session": session, **said} for session, said in found],
        "report": str(page),
    }
    (folder / "schemes.json").write_text(json.dumps(data, indent=1), encoding="utf-8")
    text = "\n\n".join(f"{session}\n\n{comparison_text(said)}" for session, said in found)
    return Answer(_with_page(text, page), data)


def _with_page(text: str, page: Path | None) -> str:
    return text if page is None else f"{text}\n\nreport: {page}"


def _write_page(path: Path, title: str, found: Sequence[tuple[str, dict[str, Any]]], *, force: bool) -> None:
    from experiments.schemes_report import write_schemes_page

    if path.exists() and not force:
        msg = f"{path} exists; choose another file, or --force to replace it"
        raise CoflexError(msg)
    write_schemes_page(path, title, found)
