"""True delivery: what a portfolio's meters show less than they would have shown, which only the twin knows."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from data.arrays import F64
from experiments.kpis.facts import MS_PER_H
from experiments.results.frame import Frame
from experiments.results.schema import Columns, conform


def true_delivery_kw(
    deliveries: Columns, activations: Columns, declarations: Columns, twin_meters: Columns | Any
) -> F64:
    """Delivery of each row of ``deliveries`` against the twin [kW], for its column ``true_kw``.

    The difference of the portfolio's net load, twin less metered, counted positive in the direction ordered. Where several
    activations of one portfolio overlap, it is shared among them in proportion to their orders.

    Args:
        deliveries: activation, fsp, area, t_ms, metered_kw, ordered_kw; rows in any order.
        activations: activation and direction.
        declarations: ``content/BaselineDeclaration``: fsp, area, from_ms, step_s, power_kw, meters; the last one that covers an
            interval names the members of the portfolio.
        twin_meters: table ``meters`` of the twin.

    Returns:
        Shape (rows,); NaN where no declaration covers the interval or the twin has no reading.
    """
    rows = [np.asarray(deliveries[name]) for name in ("fsp", "area", "t_ms", "metered_kw", "ordered_kw")]
    fsp, area, t_ms, metered, ordered = rows
    without = _Portfolios(declarations, twin_meters)
    twin = np.array([without.kw(str(f), str(a), int(t)) for f, a, t in zip(fsp, area, t_ms, strict=True)], float)
    named = zip(np.asarray(activations["activation"]), np.asarray(activations["direction"]), strict=True)
    up = {str(name): direction == "up" for name, direction in named}
    sign = np.array([1.0 if up[str(name)] else -1.0 for name in np.asarray(deliveries["activation"])])
    shares = _shares(fsp, area, t_ms, ordered.astype(float))
    return np.asarray(sign * (twin - metered.astype(float)) * shares)


def without_kw(rows: Columns, declarations: Columns, twin_meters: Columns | Any) -> F64:
    """Net load in the twin of the portfolio of each row [kW], for column ``without_kw`` of ``baselines``.

    Args:
        rows: fsp, area, t_ms.
        declarations: as of ``true_delivery_kw``.
        twin_meters: table ``meters`` of the twin.

    Returns:
        Shape (rows,); NaN where no declaration covers the interval or the twin has no reading.
    """
    portfolios = _Portfolios(declarations, twin_meters)
    keys = zip(*(np.asarray(rows[name]) for name in ("fsp", "area", "t_ms")), strict=True)
    return np.array([portfolios.kw(str(fsp), str(area), int(t_ms)) for fsp, area, t_ms in keys], float)


def _shares(fsp: Any, area: Any, t_ms: Any, ordered: F64) -> F64:
    """Share of each row in the orders of its portfolio and interval; equal shares where nothing was ordered."""
    keys = list(zip(fsp.tolist(), area.tolist(), t_ms.tolist(), strict=True))
    place = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    group = np.array([place[key] for key in keys], np.int64)
    whole = np.bincount(group, ordered, minlength=len(place))[group]
    count = np.bincount(group, minlength=len(place))[group]
    return np.where(whole > 0, ordered / np.where(whole > 0, whole, 1.0), 1.0 / np.maximum(count, 1))


class _Portfolios:
    """Net load of declared portfolios in the twin."""

    def __init__(self, declarations: Columns, twin_meters: Columns | Any) -> None:
        frame = Frame(conform({"meters": twin_meters}, twin=True)["meters"])
        codes, labels = frame.codes("meter")
        times, column = np.unique(frame.ints("t_ms"), return_inverse=True)
        hours = float(np.diff(times).min()) / MS_PER_H if len(times) > 1 else 0.25
        self._kw = np.full((len(labels), len(times)), np.nan)
        self._kw[codes, column] = (frame.floats("import_kwh") - frame.floats("export_kwh")) / hours
        self._row = {label: number for number, label in enumerate(labels)}
        self._column = {int(t): number for number, t in enumerate(times)}
        self._members: dict[tuple[str, str], list[tuple[int, int, list[int]]]] = {}
        for row in _records(declarations):
            end_ms = int(row["from_ms"]) + round(float(row["step_s"]) * 1000) * len(row["power_kw"])
            members = [self._row.get(str(meter), -1) for meter in row["meters"]]
            kept = self._members.setdefault((str(row["fsp"]), str(row["area"])), [])
            kept.append((int(row["from_ms"]), end_ms, members))

    def kw(self, fsp: str, area: str, t_ms: int) -> float:
        """Net load of the members at an instant; NaN where unknown."""
        covering = [m for start, end, m in self._members.get((fsp, area), ()) if start <= t_ms < end]
        column = self._column.get(t_ms)
        if not covering or column is None or -1 in covering[-1]:
            return float("nan")
        return float(self._kw[covering[-1], column].sum())


def _records(columns: Columns) -> list[Mapping[str, Any]]:
    names = ("fsp", "area", "from_ms", "step_s", "power_kw", "meters")
    return [dict(zip(names, row, strict=True)) for row in zip(*(columns[name] for name in names), strict=True)]
