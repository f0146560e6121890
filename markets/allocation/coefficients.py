"""Allocation coefficients of many settlement periods by one of the rules of this folder, each given what it asks for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.arrays import F64, I64
from markets.allocation.energies import PER_KWH, Energies, whole


@dataclass(frozen=True, eq=False)
class Periods:
    """What members gave, took and traded, (n, T) each [kWh], and what was agreed on them, (n,) each.

    Attributes:
        given_kwh: to the community.
        taken_kwh: at the metering point.
        bought_kwh: from other members.
        sold_kwh: to other members.
        share: agreed shares, in any unit; those of absent members fall to the others in proportion.
        level: 1 is served first.
    """

    given_kwh: F64
    taken_kwh: F64
    bought_kwh: F64
    sold_kwh: F64
    share: F64
    level: I64


def _transactions(rule: Callable[..., Energies], of: Periods) -> Iterator[Energies]:
    for given, taken, bought, sold in zip(of.given_kwh.T, of.taken_kwh.T, of.bought_kwh.T, of.sold_kwh.T, strict=True):
        yield rule(given, taken, bought_kwh=bought, sold_kwh=sold)


def _of_total(rule: Callable[..., Energies], of: Periods, **agreed: Any) -> Iterator[Energies]:
    for given, taken in zip(of.given_kwh.T, of.taken_kwh.T, strict=True):
        yield rule(float(whole(given).sum()) / PER_KWH, taken, **agreed)


def coefficients(name: str, rule: Callable[..., Energies], of: Periods) -> F64:
    """Coefficients of every period, (n, T).

    Args:
        name: of the rule, which says what it asks for.
        rule: the rule.
        of: the periods.
    """
    if name == "transaction-coefficients":
        columns = _transactions(rule, of)
    elif name == "static-coefficients":
        columns = _of_total(rule, of, share=of.share / of.share.sum())
    elif name == "hierarchical-coefficients":
        columns = _of_total(rule, of, level=of.level)
    else:
        columns = _of_total(rule, of)
    return np.array([one.coefficients() for one in columns]).T
