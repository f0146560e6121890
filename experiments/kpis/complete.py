"""From what a world recorded to the tables of a run: true delivery, conformance and figures added."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments.kpis import Figures, figure_columns, figures, twin_figures
from experiments.kpis.conformance import conformance_columns
from experiments.kpis.truth import true_delivery_kw, without_kw
from experiments.results.schema import Columns, conform

DECLARATIONS = "content/BaselineDeclaration"
RECEIPTS = "content/SignalReceipt"


@dataclass(frozen=True)
class Complete:
    """The tables of a run and its twin as ``write_run`` takes them, with their figures."""

    tables: Mapping[str, Any]
    twin_tables: Mapping[str, Any] | None
    figures: Figures
    twin_figures: Figures | None


def complete(
    tables: Mapping[str, Columns | Any],
    meta: Mapping[str, Any],
    twin_tables: Mapping[str, Columns | Any] | None = None,
    conformance: Mapping[str, Mapping[str, Any]] | None = None,
) -> Complete:
    """Adds what is computed from the tables of a run.

    Args:
        tables: what the world recorded, without figures.
        meta: delivery_start_ms, delivery_end_ms and scenario, as run.json will have them.
        twin_tables: what the twin recorded; tables that are not kept of a twin are left out by the caller.
        conformance: the JSON form of the conformance report (``conformance.report_json``); None leaves the table out.

    Raises:
        ResultsError: the tables do not fit data/tables.yaml.
    """
    own = conform({**tables, **({} if conformance is None else {"conformance": conformance_columns(conformance)})})
    if "activations" in own:
        own |= conform({"activations": _with_acceptance(own)})
    twin = conform(twin_tables, twin=True) if twin_tables else None
    if twin is not None and {"deliveries", "activations", DECLARATIONS} <= own.keys():
        own |= conform({"deliveries": _with_truth(own, twin)})
    if twin is not None and {"baselines", DECLARATIONS} <= own.keys() and own["baselines"].num_rows:
        own |= conform({"baselines": _with_what_would_have_been(own, twin)})
    found, other = figures(own, meta, twin), twin_figures(own, meta, twin)
    own |= conform({"figures": figure_columns(found)})
    if twin is not None and other is not None:
        twin |= conform({"figures": figure_columns(other)}, twin=True)
    return Complete(own, twin, found, other)


def _with_acceptance(own: Mapping[str, Any]) -> dict[str, Any]:
    """Table ``activations`` with what the providers said to each call; silence is no acceptance."""
    receipts = own[RECEIPTS].to_pydict() if RECEIPTS in own else {"activation": [], "accepted": []}
    said = {name for name, yes in zip(receipts["activation"], receipts["accepted"], strict=True) if yes}
    calls = dict[str, Any](own["activations"].to_pydict())
    return calls | {"accepted": [name in said for name in calls["activation"]]}


def _with_what_would_have_been(own: Mapping[str, Any], twin: Mapping[str, Any]) -> dict[str, Any]:
    """Table ``baselines`` with the net load of the same portfolio in the twin."""
    baselines, declarations = (dict[str, Any](own[name].to_pydict()) for name in ("baselines", DECLARATIONS))
    return baselines | {"without_kw": without_kw(baselines, declarations, twin["meters"])}


def _with_truth(own: Mapping[str, Any], twin: Mapping[str, Any]) -> dict[str, Any]:
    """Table ``deliveries`` with the delivery against the twin."""
    names = ("deliveries", "activations", DECLARATIONS)
    deliveries, activations, declarations = (dict[str, Any](own[name].to_pydict()) for name in names)
    return deliveries | {"true_kw": true_delivery_kw(deliveries, activations, declarations, twin["meters"])}
