"""The check of the journal as a table, so that figures and report read it like any other result."""

from collections.abc import Mapping
from typing import Any

_COLUMNS = ("suc", "scenario", "step", "verdict", "conversation", "detail")


def conformance_columns(report: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Columns of table ``conformance`` from the JSON form of a conformance report (``conformance.report_json``).

    Findings of one step that differ in nothing are one row, since the table holds findings and not their number.
    """
    rows = {row: None for suc, case in report.items() for row in _rows(suc, case)}
    return {name: [row[i] for row in rows] for i, name in enumerate(_COLUMNS)}


def _rows(suc: str, case: Mapping[str, Any]) -> list[tuple[str, ...]]:
    rows = [(suc, "", step, "made", "", "") for step in case["made_steps"]]
    rows += [(suc, "", step, "not_reached", "", "") for step in case["not_reached"]]
    rows += [(suc, "", one["step"], "late", one["conversation"], one["why"]) for one in case["late"]]
    rows += [(suc, "", one["step"], "broken", one["conversation"], one["why"]) for one in case["broken"]]
    return rows + [(suc, "", one["step"], "excused", "", f"{one['kind']}: {one['reason']}") for one in case["excused"]]
