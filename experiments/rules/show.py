"""Rules as text and as JSON schema: what ``coflex rules`` prints of them and of what they say."""

from collections.abc import Iterator, Mapping, Sequence
from textwrap import fill
from typing import Any

from experiments.rules import Named, run_rule
from experiments.rules.face import Accounts
from experiments.scenario.fields import Part
from experiments.scenario.library import KINDS
from experiments.scenario.show import key_text, keys_of

_WIDTH = 118


def rule_text(named: Named) -> str:
    """One rule to read: what it does, its source, the fields of its input and result, and how to try it."""
    face = named.face
    about = fill(f"{named.name} ({named.kind}). {named.about}", _WIDTH)
    source = fill(f"Source: {named.source}", _WIDTH, subsequent_indent="  ")
    inputs = "\n".join(key_text(key) for key in keys_of(face))
    outputs = "\n".join(key_text(key) for key in keys_of(face.result))
    also = (
        f", or .csv with the rows of `{face.table}`"
        if _one_table(named)
        else f"; rows of `{face.table}` also as .csv, the rest with --set"
    )
    return "\n".join(
        [
            about, source, "", "Input", inputs, "", "Result", outputs, "",
            f"Accounts [{face.accounted}]: offered = accepted + rejected.", "",
            "Try it:",
            f"  coflex rules {named.name} --example example.yaml", f"  coflex rules {named.name} --input example.yaml",
            f"An input is a .yaml or .json file{also}.",
        ]
    )  # fmt: skip


def _one_table(named: Named) -> bool:
    face = named.face
    return not any(field.is_required() for key, field in face.model_fields.items() if key != face.table)


def rule_schema(named: Named) -> dict[str, Any]:
    """One rule for a program: JSON schema of its input and output, and a worked example."""
    face = named.face
    output = {
        "type": "object",
        "properties": {
            "rule": {"const": named.name},
            "result": _schema(face.result),
            "accounts": {**_schema(Accounts), "description": f"In {face.accounted}: offered = accepted + rejected."},
        },
        "required": ["rule", "result", "accounts"],
        "additionalProperties": False,
    }
    example = {"input": face.example, "output": run_rule(named.name, face.example)}
    return {
        "rule": named.name, "kind": named.kind, "about": named.about, "source": named.source,
        "table": face.table, "input": _schema(face), "output": output, "example": example,
    }  # fmt: skip


def _schema(part: type[Part]) -> dict[str, Any]:
    """A schema that stands on its own wherever it is put: definitions are written where they are used."""
    schema = part.model_json_schema()
    definitions = schema.pop("$defs", {})

    def resolve(value: Any) -> Any:
        if isinstance(value, dict):
            if "$ref" in value:
                inner = definitions[value["$ref"].rpartition("/")[2]]
                return resolve({**inner, **{key: one for key, one in value.items() if key != "$ref"}})
            return {key: resolve(one) for key, one in value.items()}
        return [resolve(one) for one in value] if isinstance(value, list) else value

    return dict(resolve(schema))


def list_text(rules: Sequence[Named]) -> str:
    """All rules, kind by kind: what each does, its source, its fields."""
    lines: list[str] = []
    for kind, about in KINDS.items():
        lines += [f"{kind.upper()}: {about}", ""]
        for named in (one for one in rules if one.kind == kind):
            fields = ", ".join(named.face.model_fields)
            lines += [named.name]
            for text in (named.about, f"Source: {named.source}", f"Fields: {fields}"):
                lines.append(fill(text, _WIDTH, initial_indent="    ", subsequent_indent="    "))
            lines.append("")
    return "\n".join(
        [*lines, "coflex rules NAME explains one; --example FILE writes an input of it, --input FILE runs it."]
    )


def list_data(rules: Sequence[Named]) -> list[dict[str, Any]]:
    """The same for a program."""
    return [
        {
            "rule": one.name,
            "kind": one.kind,
            "about": one.about,
            "source": one.source,
            "fields": [key._asdict() for key in keys_of(one.face)],
        }
        for one in rules
    ]


def outcome_text(document: Mapping[str, Any], accounted: str) -> str:
    """What a rule said: its tables, its figures, its accounts."""
    result: Mapping[str, Any] = document["result"]
    tables = [f"{name}\n{table_text(value)}" for name, value in result.items() if isinstance(value, list) and value]
    figures = [f"{name}: {_cell(value)}" for name, value in result.items() if not isinstance(value, list)]
    accounts = document["accounts"]
    sums = f"accounts [{accounted}]: " + ", ".join(f"{name} {_cell(value)}" for name, value in accounts.items())
    return "\n\n".join([*tables, "\n".join([*figures, sums])])


def table_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Records as a table; columns that are empty throughout are left out."""
    names = [name for name in rows[0] if any(row[name] not in ("", None, "-") for row in rows)]
    cells = [names, *([_cell(row[name]) for name in names] for row in rows)]
    width = [max(len(line[k]) for line in cells) for k in range(len(names))]
    right = [all(isinstance(row[name], int | float) for row in rows) for name in names]
    return "\n".join("  " + "  ".join(_aligned(line, width, right)).rstrip() for line in cells)


def _aligned(line: Sequence[str], width: Sequence[int], right: Sequence[bool]) -> Iterator[str]:
    for cell, space, numeric in zip(line, width, right, strict=True):
        yield cell.rjust(space) if numeric else cell.ljust(space)


def _cell(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ""}[value]
    return f"{value:.10g}" if isinstance(value, float) else str(value)
