r"""Arithmetic of investments: annuities, present values, payback.

With interest :math:`i` and lifetime :math:`n` years the capital recovery factor is

.. math:: \mathrm{CRF}(i, n) = \frac{i (1 + i)^n}{(1 + i)^n - 1}, \qquad \mathrm{CRF}(0, n) = 1 / n

Yearly payments come at the end of each year; an investment is made at the begin of the first. What is left of a plant at the horizon
is its straight-line value, and a plant that ends before is bought again at the same price.

Sources: SUC01.1 (CAPEX, OPEX, lifetime, incentives; it gives no formulas); annuity and net present value as in any text on
engineering economics, for example Blank, Tarquin: "Engineering Economy".
"""

from math import ceil, log

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64


def capital_recovery_factor(interest: float, years: float) -> float:
    """The yearly payment for one unit of money lent for ``years`` [1/year]."""
    if interest == 0.0:
        return 1.0 / years
    growth = float((1.0 + interest) ** years)
    return interest * growth / (growth - 1.0)


def annuity_eur(capex_eur: float, interest: float, years: float, opex_eur_per_year: float = 0.0) -> float:
    """What a plant costs in each year of its life, capital and operation [EUR/year]."""
    return capex_eur * capital_recovery_factor(interest, years) + opex_eur_per_year


def granted_eur(capex_eur: float, grant_share: float, grant_most_eur: float = float("inf")) -> float:
    """The grant on an investment: a share of it, at most so much [EUR]."""
    return min(capex_eur * grant_share, grant_most_eur)


def payback_years(investment_eur: float, saving_eur_per_year: float, interest: float = 0.0) -> float:
    r"""After how many years the savings have paid the investment; infinite when they never do, 0 without investment.

    With interest this is the discounted payback :math:`-\ln(1 - I i / S) / \ln(1 + i)`.
    """
    if investment_eur <= 0.0:
        return 0.0
    if saving_eur_per_year <= 0.0:
        return float("inf")
    simple = investment_eur / saving_eur_per_year
    if interest == 0.0:
        return simple
    rest = 1.0 - simple * interest
    return -log(rest) / log(1.0 + interest) if rest > 0.0 else float("inf")


def present_value_eur(yearly_eur: ArrayLike, interest: float) -> float:
    """Present value of payments at the ends of the years 1, 2, ... [EUR]."""
    flows = np.asarray(yearly_eur, np.float64)
    return float(flows @ (1.0 + interest) ** -np.arange(1.0, len(flows) + 1.0)) if len(flows) else 0.0


def net_present_value_eur(investment_eur: float, yearly_eur: ArrayLike, interest: float) -> float:
    """Present value of yearly payments less the investment [EUR]."""
    return present_value_eur(yearly_eur, interest) - investment_eur


def investments_eur(capex_eur: float, lifetime_years: float, horizon_years: int) -> F64:
    """What is paid for a plant at the begin of each year, and what it is worth at the horizon (negative), shape (horizon + 1,) [EUR]."""
    flows = np.zeros(horizon_years + 1)
    purchases = ceil(horizon_years / lifetime_years - 1e-9)
    for number in range(purchases):
        begin = number * lifetime_years
        # Lifetimes need not be whole years: a purchase within a year is shared between its begin and the next.
        whole, part = int(begin), begin - int(begin)
        flows[whole] += capex_eur * (1.0 - part)
        flows[min(whole + 1, horizon_years)] += capex_eur * part
    left_years = purchases * lifetime_years - horizon_years
    flows[horizon_years] -= capex_eur * left_years / lifetime_years
    return flows
