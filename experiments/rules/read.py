"""Input files of rules: YAML, JSON, or CSV where the input is one table; and examples written as one of them."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from experiments.errors import CoflexError, did_you_mean
from experiments.rules.face import Face, read_face, row_of
from experiments.scenario.fields import Part
from experiments.scenario.read import ScenarioError, apply_sets, parse_yaml

SUFFIXES = (".yaml", ".yml", ".json", ".csv")


def read_input(face: type[Face], path: Path, sets: Iterable[str] = ()) -> Face:
    """The input of a rule from a file.

    Args:
        face: the face of the rule.
        path: .yaml, .json, or .csv with the rows of the rule's table.
        sets: changes by key path, ``hours=0.5``; with CSV the way to give what is not in the table.

    Raises:
        CoflexError: the file cannot be read, or everything that is wrong with it.
    """
    text = _read(path, path.suffix.lower())
    if path.suffix.lower() == ".csv":
        return _from_csv(face, text, path.name, sets)
    content = _parse_json(text, path.name) if path.suffix.lower() == ".json" else parse_yaml(text, path.name)
    content = {face.table: content} if isinstance(content, list) else content
    if isinstance(content, dict):
        apply_sets(content, sets)
    return read_face(face, content, path.name)


def _read(path: Path, suffix: str) -> str:
    if suffix not in SUFFIXES:
        msg = f"{path}: an input is a .yaml, .json or .csv file, not '{suffix or path.name}'"
        raise CoflexError(msg)
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        msg = f"cannot read {path}: {reason}"
        raise CoflexError(msg) from error


def _parse_json(text: str, where: str) -> Any:
    repeated: list[str] = []

    def once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        repeated.extend(key for key in dict.fromkeys(keys) if keys.count(key) > 1)
        return dict(pairs)

    try:
        content = json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise ScenarioError([f"{where}: line {error.lineno}: not JSON: {error.msg}"]) from error
    if repeated:
        raise ScenarioError(f"{where}: the key '{key}' is given twice in one object" for key in repeated)
    return content


# --- CSV -------------------------------------------------------------------------------------------------------------


def _from_csv(face: type[Face], text: str, where: str, sets: Iterable[str]) -> Face:
    row_class = row_of(face, face.table)
    lines = list(csv.reader(io.StringIO(text), delimiter=_delimiter(text)))
    header = [cell.strip() for cell in lines[0]] if lines else []
    rows = [line for line in lines[1:] if any(cell.strip() for cell in line)]
    problems = [f"{where}: {problem}" for problem in (*_header(row_class, header), *_lengths(header, lines))]
    table = [_cells(row_class, header, row) for row in rows]
    content: dict[str, Any] = {face.table: table}
    apply_sets(content, sets)
    try:
        read = read_face(face, content, where)
    except ScenarioError as error:
        places = [number for number, line in enumerate(lines[1:], 2) if any(cell.strip() for cell in line)]
        found = [_by_line(problem, face.table, places) for problem in error.problems]
        missing = {name for name, field in row_class.model_fields.items() if field.is_required()} - set(header)
        problems += [one for one in found if not any(f"column {name}: is needed" in one for name in missing)]
        problems = [_with_way_out(one, face) for one in problems]
        raise ScenarioError(problems) from error
    if problems:
        raise ScenarioError(problems)
    return read


def _delimiter(text: str) -> str:
    """Comma, or semicolon where the first line has more of them (spreadsheets of half of Europe)."""
    first = text.partition("\n")[0]
    return ";" if first.count(";") > first.count(",") else ","


def _header(row: type[Part], header: Sequence[str]) -> Iterator[str]:
    known = list(row.model_fields)
    if not header:
        yield f"it is empty; the first line names the columns: {', '.join(known)}"
        return
    for name in dict.fromkeys(header):
        if name not in known:
            yield f"unknown column '{name}'{did_you_mean(name, known)}"
        elif header.count(name) > 1:
            yield f"column '{name}' is there twice"
    for name, field in row.model_fields.items():
        if field.is_required() and name not in header:
            yield f"column '{name}' is missing ({(field.description or '').rstrip('.')})"


def _lengths(header: Sequence[str], lines: Sequence[Sequence[str]]) -> Iterator[str]:
    for number, line in enumerate(lines[1:], 2):
        if any(cell.strip() for cell in line) and len(line) != len(header):
            yield f"line {number} has {len(line)} cells, the first line names {len(header)} columns"


def _cells(row: type[Part], header: Sequence[str], line: Sequence[str]) -> dict[str, Any]:
    """One line as a record; an empty cell is a key that is not given, unknown columns are told once, from the header."""
    pairs = ((name, cell.strip()) for name, cell in zip(header, line, strict=False) if name in row.model_fields)
    return {name: _value(cell, row.model_fields[name].annotation) for name, cell in pairs if cell}


def _value(cell: str, annotation: Any) -> Any:
    """A cell as the number or truth that its column holds; what cannot be read stays text and is refused by its name."""
    kinds = {annotation, *get_args(annotation)}
    if bool in kinds:
        return {"true": True, "false": False}.get(cell.lower(), cell)
    if int in kinds and re.fullmatch(r"[-+]?\d+", cell):
        return int(cell)
    if float in kinds:
        try:
            return float(cell)
        except ValueError:
            return cell
    return cell


def _by_line(problem: str, table: str, places: Sequence[int]) -> str:
    """``bids[1].price: ...`` as ``line 3, column price: ...``."""

    def line(match: re.Match[str]) -> str:
        column = f", column {match[2]}" if match[2] else ""
        return f"line {places[int(match[1])]}{column}"

    return re.sub(rf"\b{table}\[(\d+)\](?:\.(\w+))?", line, problem)


def _with_way_out(problem: str, face: type[Face]) -> str:
    """A key beside the table cannot stand in a CSV file."""
    beside = [key for key in face.model_fields if key != face.table and f": {key}: is needed" in problem]
    return (
        f"{problem}; it is not in a CSV file: give --set {beside[0]}=..., or write YAML or JSON" if beside else problem
    )


# --- examples --------------------------------------------------------------------------------------------------------


def write_example(face: type[Face], name: str, path: Path, *, force: bool) -> None:
    """Write an input that runs.

    Raises:
        CoflexError: no such kind of file, it exists already, or the input is more than one table.
    """
    writers = {".csv": _csv_text, ".json": _json_text, ".yaml": yaml_text, ".yml": yaml_text}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        msg = f"{path}: an example is a .yaml, .json or .csv file"
        raise CoflexError(msg)
    if path.exists() and not force:
        msg = f"{path} exists; name another file, or --force to replace it"
        raise CoflexError(msg)
    text = writer(face, name)
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        msg = f"cannot write {path}: {error.strerror}"
        raise CoflexError(msg) from error


def _json_text(face: type[Face], name: str) -> str:
    return json.dumps(face.example, indent=2) + "\n"


def yaml_text(face: type[Face], name: str) -> str:
    """The example of a rule, a row a line."""
    lines = [f"# An input of the rule {name}; its fields: coflex rules {name}"]
    for key, value in face.example.items():
        if isinstance(value, list):
            lines += [f"{key}:", *(f"  - {_flow(row)}" for row in value)]
        else:
            lines.append(f"{key}: {_flow(value)}")
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return (
        json.dumps(value) if isinstance(value, str) and not re.fullmatch(r"[a-z][a-z0-9-]*", value) else _plain(value)
    )


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _csv_text(face: type[Face], name: str) -> str:
    beside = [key for key, field in face.model_fields.items() if key != face.table and field.is_required()]
    if beside:
        msg = f"the input of {name} is more than one table ({', '.join([face.table, *beside])}): write a .yaml or .json file"
        raise CoflexError(msg)
    rows = face.example[face.table]
    columns = [key for key in row_of(face, face.table).model_fields if any(key in row for row in rows)]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _plain(value) for key, value in row.items()} for row in rows)
    return text.getvalue()
