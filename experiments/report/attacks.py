"""The section of a report about attacks: what was tried in whose name, how it ended at the door, and what moved."""

from collections.abc import Sequence
from html import escape
from typing import Any, Final

from experiments.plots import View
from experiments.report.page import Section, table

NOT_TRIED: Final = "not tried"
_HEAD: Final = ("when", "attacker", "what", "in the name of", "to", "messages", "outcome", "why", "moved (kW)")
_ABOUT: Final = (
    "An attacker is connected to the network and knows all that is public; it hears what parties tell each other and has no key but its own. "
    "Moved is what devices measured under the activation that an accepted message names, the true order's part included."
)
_OPEN: Final = "In this run nobody checks signatures, roles and repeated ids (platforms.authenticate: false)."

Row = dict[str, Any]


def attacks(view: View) -> Section:
    """Every attempt of every attacker, messages of one attempt and outcome together."""
    title, frame = "Attacks", view.facts.all("attacks")
    if frame is None:
        return Section("attacks", title, None, "Nobody attacked.")
    rows = [_line(view, group) for group in attempts(frame.table.to_pylist())]
    checked = (view.facts.scenario.get("platforms") or {}).get("authenticate", True)
    about = f"<p>{escape(_ABOUT)}</p>" + ("" if checked else f"<p><b>{escape(_OPEN)}</b></p>")
    return Section("attacks", title, about + table(_HEAD, rows, numbers=(5, 8)))


def attempts(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows that one line shows: one instant, sender and outcome; attempts of a kind that found nothing are one line."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        names = ("attacker", "kind", "record", "field", "claimed", "outcome", "reason")
        when = None if row["outcome"] == NOT_TRIED else row["t_ms"]
        groups.setdefault((when, *(row[name] for name in names)), []).append(row)
    return list(groups.values())


def _line(view: View, rows: Sequence[Row]) -> tuple[str, ...]:
    first = rows[0]
    instants = sorted({row["t_ms"] for row in rows})
    when = " to ".join(view.time_text(t_ms) for t_ms in dict.fromkeys((instants[0], instants[-1])))
    field = f", {first['field']} changed" if first["field"] else ""
    tried = first["outcome"] != NOT_TRIED
    targets = sorted({str(row["target"]) for row in rows}) if tried else []
    to = f"{len(targets)} addresses" if len(targets) > 1 else "".join(targets)
    outcome = first["outcome"] if tried or len(rows) == 1 else f"{NOT_TRIED} ({len(rows)} times)"
    moved = f"{sum(row['moved_kw'] for row in rows):,.1f}" if tried else "-"
    return (
        when, first["attacker"], f"{first['kind']} {first['record']}{field}", first["claimed"], to, f"{len(rows) if tried else 0:,}",
        outcome, first["reason"] or "", moved,
    )  # fmt: skip
