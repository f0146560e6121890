"""A community on representative days, and the problem that each business model makes of it."""

from dataclasses import dataclass
from math import floor
from typing import NamedTuple

import numpy as np

from agents.strategies.sizing_problem import Accounts, BatteryKind, Days, Kind, Plant, Prices, Problem, Store
from data.arrays import F64, I64, Bool
from markets.investment import annuity_eur, granted_eur

INVESTOR = "investor"


class Technology(NamedTuple):
    """What a unit of capacity costs.

    Attributes:
        kind: pv, battery or control.
        unit: capacity of a unit.
        capex_eur: investment for a unit of capacity.
        grant_share: part of it that is granted.
        opex_eur: operation for a unit of capacity and year.
        lifetime_years: life.
        interest: on its capital.
        embodied_kg: emissions of making a unit of capacity.
        fade: part of the capacity lost each year.
        battery: of a battery how it works.
    """

    kind: Kind
    unit: float
    capex_eur: float
    grant_share: float
    opex_eur: float
    lifetime_years: float
    interest: float
    embodied_kg: float
    fade: float
    battery: BatteryKind | None = None

    @property
    def net_capex_eur(self) -> float:
        """Investment for a unit of capacity, the grant deducted."""
        return self.capex_eur - granted_eur(self.capex_eur, self.grant_share)

    @property
    def yearly_eur(self) -> float:
        """Annuity and operation of a unit of capacity."""
        return annuity_eur(self.net_capex_eur, self.interest, self.lifetime_years, self.opex_eur)


@dataclass(frozen=True, eq=False)
class Place:
    """Where a plant stands or may be built.

    Attributes:
        name: of the plant.
        site: number of its site.
        technology: its technology's name.
        existing: capacity that stands.
        most: capacity that may be added.
        yield_kw: of pv the power per kWp, shape (T,).
        store: of a control what it frees.
    """

    name: str
    site: int
    technology: str
    existing: float
    most: float
    yield_kw: F64 | None = None
    store: Store | None = None


@dataclass(frozen=True, eq=False)
class Community:
    """Everything that is known of a community, on representative days; sites (members and shared sites) sorted by name.

    Attributes:
        days: the representative days.
        sites: names.
        shared: which sites are shared ones, shape (n,).
        load_kw: shape (n, T).
        contracted_kw: shape (n,).
        fixed_eur: fixed charges of a year, shape (n,).
        tariff: of each site, shape (n,).
        prices: of the tariffs.
        carbon_kg_per_kwh: of the grid, shape (T,).
        technologies: by name.
        places: sorted by name.
        pools: most that may be added of a technology in all, by its name.
        share: of each member in each shared site, (members, shared sites), columns sum to 1.
    """

    days: Days
    sites: tuple[str, ...]
    shared: Bool
    load_kw: F64
    contracted_kw: F64
    fixed_eur: F64
    tariff: I64
    prices: Prices
    carbon_kg_per_kwh: F64
    technologies: dict[str, Technology]
    places: tuple[Place, ...]
    pools: dict[str, float]
    share: F64

    @property
    def members(self) -> tuple[str, ...]:
        """Names of the members."""
        return tuple(name for name, shared in zip(self.sites, self.shared, strict=True) if not shared)


class BusinessModel(NamedTuple):
    """Who invests and what is best; see ``experiments.sizing.study``."""

    name: str
    objective: str
    ownership: str
    chosen: tuple[str, ...]
    cost_limit: float


def powers_kw(community: Community) -> F64:
    """Power that each meter bears, shape (n,): what is contracted, or the highest load where history is above the contract."""
    return np.asarray(np.maximum(community.contracted_kw, community.load_kw.max(axis=1)))


def may_build(community: Community, model: BusinessModel, place: Place) -> bool:
    """Whether a business model builds there: at home, at shared sites, or both."""
    shared = bool(community.shared[place.site])
    return {"individual": not shared, "shared": shared, "third-party": shared}.get(model.ownership, True)


def problem_of(community: Community, model: BusinessModel, by_site: bool = False, whole_units: bool = False) -> Problem:
    """The problem of a business model.

    Args:
        community: the community.
        model: the business model.
        by_site: whether each site is a group of its own, so that its money can be told apart.
        whole_units: whether only whole units are built, of which fewer may fit.
    """
    one, tariff = community, community.tariff
    prices = one.prices
    if by_site:
        prices = Prices(prices.buy[tariff], prices.sell[tariff], prices.inside[tariff])
    used = np.unique(tariff)
    return Problem(
        days=one.days,
        names=one.sites,
        load_kw=one.load_kw,
        contracted_kw=powers_kw(one),
        extra_eur_per_kw=np.full(len(one.sites), np.inf),
        group=np.arange(len(one.sites)) if by_site else np.searchsorted(used, tariff),
        prices=prices if by_site else Prices(prices.buy[used], prices.sell[used], prices.inside[used]),
        co2_kg_per_kwh=one.carbon_kg_per_kwh,
        plants=tuple(_plant(one, place, may_build(one, model, place), whole_units) for place in one.places),
        pools=one.pools,
    )


def _plant(community: Community, place: Place, builds: bool, whole_units: bool) -> Plant:
    technology = community.technologies[place.technology]
    most = place.most / technology.unit
    return Plant(
        name=place.name,
        node=place.site,
        kind=technology.kind,
        unit=technology.unit,
        existing=place.existing,
        most_units=(floor(most + 1e-9) if whole_units else most) if builds else 0.0,
        unit_eur_per_year=technology.yearly_eur * technology.unit,
        unit_kg_per_year=technology.embodied_kg * technology.unit / technology.lifetime_years,
        yield_kw=place.yield_kw,
        battery=technology.battery,
        store=place.store,
        pool=place.technology,
    )


def account_names(community: Community, model: BusinessModel) -> tuple[str, ...]:
    """Who bears money: the members, and an investor where shared sites are a third party's."""
    return (*community.members, *([INVESTOR] if model.ownership == "third-party" else []))


def node_shares(community: Community, model: BusinessModel) -> F64:
    """Part of each site's money that each account bears, shape (accounts, sites); columns sum to 1.

    A third party takes over the meters of shared sites, with what they sell and with what is consumed behind them; today's bill there counts as
    its own, so that its savings are told from the bill that it takes over.
    """
    accounts = account_names(community, model)
    found = np.zeros((len(accounts), len(community.sites)))
    own, shared = np.flatnonzero(~community.shared), np.flatnonzero(community.shared)
    found[np.arange(len(own)), own] = 1.0
    if model.ownership == "third-party":
        found[-1, shared] = 1.0
    else:
        found[: len(own), shared] = community.share
    return found


def accounts_of(community: Community, model: BusinessModel, price: F64, most_eur: F64) -> Accounts:
    """The accounts of a business model whose aim is the profit of some."""
    names = account_names(community, model)
    share = node_shares(community, model)
    chosen = model.chosen or (INVESTOR,)
    return Accounts(
        names=names,
        node_share=share,
        plant_share=share[:, [place.site for place in community.places]],
        price=price,
        most_eur=most_eur,
        chosen=np.array([name in chosen for name in names]),
    )
