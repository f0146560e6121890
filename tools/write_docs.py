"""Writes the generated pages of the manual.

docs/scenario.md and docs/study.md (from the schemas), docs/validation.md (from the reference cases), docs/results.md (from the catalogues of tables and
figures), docs/commands.md (from the command line's own help), docs/rules.md (from the rules themselves).

python tools/write_docs.py            write them
python tools/write_docs.py --check    only say whether they are current (exit code 1 if not)
"""

import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
GENERATED = "<!-- Written by tools/write_docs.py; do not edit. -->"


def pages() -> dict[Path, str]:
    """The text of every generated page by its path."""
    return {
        ROOT / "docs/scenario.md": scenario_page(),
        ROOT / "docs/study.md": study_page(),
        ROOT / "docs/validation.md": validation_page(),
        ROOT / "docs/results.md": results_page(),
        ROOT / "docs/commands.md": commands_page(),
        ROOT / "docs/rules.md": rules_page(),
    }


def scenario_page() -> str:
    """The reference of scenario files: every key, section by section, with the shipped default scenario as example."""
    from experiments.scenario import scenario_yaml
    from experiments.scenario.show import schema_keys

    lines = [
        "# Scenario files", "", GENERATED, "",
        "A scenario is a YAML file that says only what is special; every key has a default. `coflex schema` prints this reference,",
        "`coflex show NAME --all` a scenario with every default filled in, `coflex validate FILE` everything that is wrong with one.",
        "Any key can be changed for one run by its path: `--set people.0.devices.ev=80%`.",
        "", "Shares are written `60%` or `0.6`; times of day `18:40`; times before delivery `13:00 the day before`; moments of the run",
        "`18:40` (first delivery day), `day 2 18:40` or `2016-01-20 18:40`; delays `1` (seconds), `{uniform: [1, 2]}` or",
        "`{lognormal: [median, most]}` (95 of 100 messages stay below the second value). All times are local.",
        "", "The scenario that ships:", "", "```yaml", scenario_yaml("district-day").rstrip(), "```", "",
        *_sections(schema_keys()),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def study_page() -> str:
    """The reference of study files: every key, section by section."""
    from experiments.scenario.show import keys_of
    from experiments.sizing.study import Study

    lines = [
        "# Study files", "", GENERATED, "",
        "A study (`coflex size community-plan`, [sizing.md](sizing.md)) is a YAML file that says only what is special; every key has a default.",
        "`coflex scenarios --studies` lists those that ship, `coflex show NAME --all` shows one with every default filled in, `coflex validate FILE`",
        "everything that is wrong with one. Any key can be changed by its path: `--set technologies.battery.capex_eur=300`.", "",
        "Shares are written `60%` or `0.6`; a position `[120, 40]` in metres to the east and north.", "",
        *_sections(keys_of(Study)),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _sections(keys: Iterable[Any]) -> Iterator[str]:
    """A table of the keys that stand alone, then one for each section."""
    parts = [list(group) for _, group in groupby(keys, key=lambda key: key.path.partition(".")[0].partition("[")[0])]
    yield from ("## General", "", *_table(group[0] for group in parts if len(group) == 1))
    for group in parts:
        if len(group) > 1:
            yield from ("", f"## {group[0].path}", "", group[0].meaning, "", *_table(group[1:]))


def _table(keys: Iterable[Any]) -> Iterator[str]:
    yield "| key | type | unit | default | meaning | source of the default |"
    yield "|---|---|---|---|---|---|"
    for key in keys:
        default = f"`{key.default}`" if key.default and key.default != '""' else ""
        unit = "" if key.unit.startswith("share") else key.unit
        cells = (f"`{key.path}`", key.type, unit, default, key.meaning, key.source)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def validation_page() -> str:
    """The reference cases by field, each with what is expected and where that comes from."""
    from experiments.scenario.read import parse_yaml

    files = sorted((ROOT / "tests/reference").glob("*/case.yaml"))
    cases = [(path.parent.name, parse_yaml(path.read_text("utf-8"), where=str(path))) for path in files]
    lines = [
        "# What coflex is checked against", "", GENERATED, "",
        "Each case is a folder under `tests/reference/` with its input, the expected result, a tolerance and the source of the",
        "expectation; one generic test per field runs them all. Beside them stand laws (balance of energy and money, bounds, order",
        "of arrival), which hold for random inputs.", "", f"{len(cases)} cases.",
    ]  # fmt: skip
    for field, group in groupby(cases, key=lambda case: case[0].partition("_")[0]):
        lines += ["", f"## {field.capitalize()}"]
        for name, case in group:
            lines += [
                "",
                f"### {case.get('title', name)}",
                "",
                f"`tests/reference/{name}`. {_prose(case.get('source', ''))}",
                "",
            ]
            lines += [f"- {line}" for line in _expectations(case)]
    return "\n".join([*lines, *_seeds()]) + "\n"


def _seeds() -> list[str]:
    """What the default scenario came to over twenty seeds, as it was recorded."""
    from experiments.scenario.read import parse_yaml

    path = ROOT / "tests/laws/seeds.yaml"
    record = parse_yaml(path.read_text("utf-8"), where=str(path))
    avoided = [1.0 - one["coordinated"][2] / one["without"][2] for one in record["seeds"]]
    half = sum(share >= 0.5 for share in avoided)
    about = (
        f"Lived anew by `COFLEX_SEEDS=20` with `tests/laws/test_run_seeds.py` (the suite lives the first ten). The transformer is overloaded without coordination in all {len(avoided)}; with it "
        f"at least half of the energy above its rating is avoided, and the peak is lower and shorter, in {half}, the least being "
        f"{min(avoided):.0%}."
    )
    lines = [
        "", "## Runs", "", f"### {record['title']}", "", about, "",
        "| seed | without: peak (%) | hours | kWh above | with: peak (%) | hours | kWh above | avoided (%) |", "|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for one, share in zip(record["seeds"], avoided, strict=True):
        values = [*one["without"], *one["coordinated"], round(100 * share)]
        lines.append(f"| {one['seed']} | " + " | ".join(f"{value:g}" for value in values) + " |")
    return lines


def results_page() -> str:
    """The tables of a run folder by column, and the figures by theme."""
    from experiments.scenario.read import parse_yaml

    tables, figures = (
        parse_yaml((ROOT / "data" / f"{name}.yaml").read_text("utf-8"), where=name)[name]
        for name in ("tables", "figures")
    )
    lines = [
        "# What a run leaves behind", "", GENERATED, "",
        "A run folder holds `run.json` (scenario, seed, versions, digests) and Parquet tables, readable without coflex. Times `t_ms` are",
        "milliseconds since the start of the world (`begins` in `run.json`), at the start of an interval; net load is positive when",
        "consuming. Tables under `twin/` are those of the same world without coordination.", "", "## Figures", "",
        "| id | title | unit | formula | source |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for name, figure in figures.items():
        lines.append(_row(f"`{name}`", *(figure[part] for part in ("title", "unit", "formula", "source"))))
    for name, table in tables.items():
        key = ", ".join(f"`{column}`" for column in table.get("key", []))
        twin = " Also under `twin/`." if table.get("twin") else ""
        lines += [
            "",
            f"## {name}",
            "",
            f"{_prose(table['about'])}{twin}" + (f" Rows are ordered by {key}." if key else ""),
        ]
        lines += ["", "| column | type | unit | meaning |", "|---|---|---|---|"] if table.get("columns") else []
        for column, facts in (table.get("columns") or {}).items():
            unknown = "; null if unknown" if facts.get("nullable") else ""
            lines.append(_row(f"`{column}`", facts["type"], facts["unit"].strip("-"), f"{facts['about']}{unknown}"))
    return "\n".join(lines) + "\n"


def _row(*cells: Any) -> str:
    return "| " + " | ".join(_prose(cell).replace("|", "\\|") for cell in cells) + " |"


def commands_page() -> str:
    """The help of every command."""
    import typer

    from experiments.cli import app

    group = typer.main.get_command(app)
    context = typer.Context(group, info_name="coflex", terminal_width=100, max_content_width=100)
    lines = [
        "# Commands", "", GENERATED, "",
        "Exit codes: 0 done, 1 done and the answer is no, 2 could not be started, 130 interrupted. `--format json` prints one JSON",
        "document on standard output; progress and errors go to standard error. `--debug` shows the traceback of an error.",
    ]  # fmt: skip
    for name, command in group.commands.items():
        inner = typer.Context(command, info_name=name, parent=context, terminal_width=100, max_content_width=100)
        lines += ["", f"## {name}", "", "```text", command.get_help(inner).rstrip(), "```"]
    return "\n".join(lines) + "\n"


def rules_page() -> str:
    """Every rule: what it does, its source, what goes in; how one is run on records of one's own."""
    from experiments.rules import all_rules, run_rule
    from experiments.rules.read import yaml_text
    from experiments.rules.show import outcome_text
    from experiments.scenario.library import KINDS

    rules = list(all_rules())
    shown = next(one for one in rules if one.name == "merit-order")
    lines = [
        "# Rules", "", GENERATED, "",
        "Rules are pure functions in `markets/`; a scenario names them, and each runs on its own, without a simulation:", "",
        "```text", "coflex rules                                   # every rule", "coflex rules merit-order                       # one, with the fields of its input and result",
        "coflex rules merit-order --format json         # the same as JSON Schema, with a worked example",
        "coflex rules merit-order --example bids.yaml   # writes an input that runs", "coflex rules merit-order --input bids.yaml     # runs it", "```", "",
        "An input is a YAML or JSON file. The rows of a rule's table may come as CSV (comma or semicolon), with `--set` for what is not in the",
        "table: `coflex rules merit-order --input bids.csv --set 'needs=[{constraint: trafo, direction: up, quantity_kw: 5}]'`. Everything that is",
        "wrong with an input is told at once, by key or by line and column. With `--format json` the answer is one document,",
        '`{"rule", "result", "accounts": {"offered", "accepted", "rejected"}}`: what was offered is what was accepted plus what was rejected.',
        "The same from Python: `experiments.rules.run_rule(name, content)`.", "",
        "An example, and what the rule says of it:", "", "```yaml", yaml_text(shown.face, shown.name).rstrip(), "```", "",
        "```text", outcome_text(run_rule(shown.name, shown.face.example), shown.face.accounted), "```",
    ]  # fmt: skip
    for kind, about in KINDS.items():
        lines += [
            "",
            f"## {kind.capitalize()}",
            "",
            f"{about[:1].upper()}{about[1:]}.",
            "",
            "| rule | what it does | input | source |",
            "|---|---|---|---|",
        ]
        for one in (one for one in rules if one.kind == kind):
            fields = ", ".join(f"`{name}`" for name in one.face.model_fields)
            lines.append(_row(f"`{one.name}`", one.about, fields, one.source))
    return "\n".join(lines) + "\n"


def _expectations(case: dict[str, Any]) -> Iterator[str]:
    expected, tolerance = case.get("expected"), case.get("tolerance")
    if not isinstance(expected, dict):
        yield f"expected {_short(expected)}, tolerance {_short(tolerance)}"
        return
    for name, value in expected.items():
        within = tolerance.get(name) if isinstance(tolerance, dict) else tolerance
        yield f"`{name}`: {_short(value)}" + (f" within {_short(within)}" if within is not None else "")


def _prose(text: Any) -> str:
    return " ".join(str(text).split())


def _short(value: Any, most: int = 110) -> str:
    text = _prose(value).replace("|", "\\|")
    return text if len(text) <= most else text[:most].rsplit(" ", 1)[0] + " …"


def main(arguments: list[str]) -> int:
    """Write the pages, or say which are not current."""
    stale = [path for path, text in pages().items() if not path.is_file() or path.read_text("utf-8") != text]
    for path in stale:
        print(f"{'not current' if '--check' in arguments else 'written'}: {path.relative_to(ROOT)}")
        if "--check" not in arguments:
            path.write_text(pages()[path], "utf-8")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main(sys.argv[1:]))
