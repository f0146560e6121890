"""Writes the generated pages of the manual: docs/scenario.md (from the schema) and docs/validation.md (from the reference cases).

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
    return {ROOT / "docs/scenario.md": scenario_page(), ROOT / "docs/validation.md": validation_page()}


def scenario_page() -> str:
    """The reference of scenario files: every key, section by section, with the shipped default scenario as example."""
    from experiments.scenario import scenario_yaml
    from experiments.scenario_show import schema_keys

    keys = schema_keys()
    sections = [list(group) for _, group in groupby(keys, key=lambda key: key.path.partition(".")[0].partition("[")[0])]
    plain = [group[0] for group in sections if len(group) == 1]
    lines = [
        "# Scenario files", "", GENERATED, "",
        "A scenario is a YAML file that says only what is special; every key has a default. `coflex schema` prints this reference,",
        "`coflex show NAME --all` a scenario with every default filled in, `coflex validate FILE` everything that is wrong with one.",
        "Any key can be changed for one run by its path: `--set people.0.devices.ev=80%`.",
        "", "Shares are written `60%` or `0.6`; times of day `18:40`; times before delivery `13:00 the day before`; moments of the run",
        "`18:40` (first delivery day), `day 2 18:40` or `2016-01-20 18:40`; delays `1` (seconds), `{uniform: [1, 2]}` or",
        "`{lognormal: [median, most]}` (95 of 100 messages stay below the second value). All times are local.",
        "", "The scenario that ships:", "", "```yaml", scenario_yaml("district-day").rstrip(), "```", "",
        "## General", "", *_table(plain),
    ]  # fmt: skip
    for group in sections:
        if len(group) > 1:
            lines += ["", f"## {group[0].path}", "", group[0].meaning, "", *_table(group[1:])]
    return "\n".join(lines) + "\n"


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
    from experiments.scenario_read import parse_yaml

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
