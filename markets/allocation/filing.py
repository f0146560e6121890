"""Coefficients fixed beforehand, as the file that is handed to the operator: rounded so that they sum to 1, written, read back, checked.

One line a metering point, or one a metering point and hour of the year where coefficients change by the hour, with decimal comma:

    ES0000000000000001;0,500000
    ES0000000000000001;1;0,500000

Rounding is by largest remainder to six decimals, ties to the earlier name, so that every hour sums to exactly 1.

Source: Orden TED/1247/2021 (Spain: a text file, fixed beforehand, by the hour if wanted, for four months at least). The layout of a line is
written from memory and to be checked against the operator's own description before real use.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import I64
from markets.allocation.energies import COEFFICIENT_DIGITS
from markets.ledger import split

WHOLE = 10**COEFFICIENT_DIGITS


def rounded(weights: ArrayLike) -> I64:
    """Coefficients in millionths, in proportion to weights of shape (n,) or (n, T); they sum to a million in every period.

    Raises:
        ValueError: a weight is negative or not finite, or all of a period are 0.
    """
    table = np.asarray(weights, np.float64)
    columns = [split(WHOLE, column) for column in np.atleast_2d(table.T)]
    return np.asarray(columns[0] if table.ndim == 1 else np.array(columns).T, np.int64)


def written(coefficients: Mapping[str, ArrayLike]) -> str:
    """The file of coefficients in millionths, by metering point: a number, or one for each hour."""
    lines = []
    for meter, value in sorted(coefficients.items()):
        hours = np.asarray(value, np.int64)
        if hours.ndim == 0:
            lines.append(f"{meter};{_decimal(int(hours))}")
        else:
            lines += [f"{meter};{hour};{_decimal(int(one))}" for hour, one in enumerate(hours, start=1)]
    return "\n".join(lines) + "\n"


def _decimal(millionths: int) -> str:
    return f"{millionths // WHOLE},{millionths % WHOLE:0{COEFFICIENT_DIGITS}d}"


def read(text: str) -> dict[str, I64]:
    """Coefficients in millionths by metering point, shape (T,); T is 1 where they do not change.

    Raises:
        ValueError: everything that is wrong: lines that are none, hours that are missing or given twice, sums that are not 1.
    """
    found: dict[str, dict[int, int]] = {}
    wrong: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        parts = _parts(line)
        if parts is None:
            wrong.append(f"line {number}: '{line}' is none; write METER;0,500000 or METER;HOUR;0,500000")
            continue
        meter, hour, value = parts
        if hour in found.setdefault(meter, {}):
            wrong.append(f"line {number}: hour {hour} of {meter} was given before")
        found[meter][hour] = value
    wrong += _gaps(found)
    if wrong:
        raise ValueError("; ".join(wrong))
    table = {meter: np.array([hours[hour] for hour in sorted(hours)], np.int64) for meter, hours in found.items()}
    sums = np.sum(list(table.values()), axis=0) if table else np.array([WHOLE])
    off = np.flatnonzero(sums != WHOLE)
    if len(off):
        msg = f"hour {off[0] + 1}: the coefficients sum to {_decimal(int(sums[off[0]]))}, not to 1 ({len(off)} hours in all)"
        raise ValueError(msg)
    return table


def _parts(line: str) -> tuple[str, int, int] | None:
    cells = [cell.strip() for cell in line.split(";")]
    if len(cells) not in (2, 3) or not cells[0]:
        return None
    whole, _, decimals = cells[-1].partition(",")
    hour = cells[1] if len(cells) == 3 else "1"
    numbers = whole, decimals or "0", hour
    if not all(number.isdecimal() for number in numbers) or len(decimals) > COEFFICIENT_DIGITS:
        return None
    return cells[0], int(hour), int(whole) * WHOLE + int(decimals.ljust(COEFFICIENT_DIGITS, "0") or 0)


def _gaps(found: Mapping[str, Mapping[int, int]]) -> list[str]:
    last = max((max(hours) for hours in found.values()), default=1)
    wanted = set(range(1, last + 1))
    return [
        f"{meter}: hour {min(wanted ^ set(hours))} is missing or beyond the others"
        for meter, hours in sorted(found.items())
        if set(hours) != wanted
    ]
