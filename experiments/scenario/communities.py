"""What a scenario says about energy communities: who is a member, what is shared, who decides, and how it is settled (SUC02.1)."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, model_validator

from experiments.scenario.actor import NAME, Actor
from experiments.scenario.fields import JUDGEMENT, DayTime, Moment, Part, Share, given, refuse

OBJECTIVES = ("total-cost", "self-consumption", "member-profit", "emissions")


def _owned(shares: dict[str, float]) -> dict[str, float]:
    """Shares of one asset, which add up to the whole of it (SUC02.1: one member holds 100 %, or several share it)."""
    total = sum(shares.values())
    if abs(total - 1.0) > 1e-6:
        way = "reduce them" if total > 1.0 else "say who owns the rest"
        refuse(f"the owners hold {100 * total:g}% of it; the shares of one asset add up to 100%: {way}")
    return shares


def _alone(value: Any) -> Any:
    return {value: 1.0} if isinstance(value, str) else value


class SharedAsset(Part):
    """A producer of the scenario that members own together."""

    plant: str
    """Name of an ``mv_plant`` of the scenario; it has a meter of its own."""
    owners: Annotated[dict[str, Share], AfterValidator(_owned), BeforeValidator(_alone)] = given(unit="share by member")
    """Who owns which share of it: members by name, or the prefix of a group, whose members hold it in equal parts; 100% in all."""


class InternalPrice(Part):
    """The pricing mechanism of internal transactions; its name alone is enough."""

    rule: str = given("mid-market-rate", source="SUC02.1 I-9, the first of four")
    """Name of the rule: one of kind internal-price in ``coflex rules``, or in market mode one of kind internal-market, by which members also
    agree on their schedules the day before (trades after delivery are then those of the post-delivery pool)."""
    weight: Share = given(0.5, unit="share", source="SUC02.1 names none; half is the mid-market rate")
    """intermediate-rate: weight of the buying price."""
    compensation: Share = given(0.0, unit="share", source="the plain ratio")
    """supply-demand-ratio: share of the price difference that sellers keep at equal supply and demand."""
    pick: Literal["lower", "middle", "upper"] = given("middle", source=JUDGEMENT)
    """post-delivery-pool and iterated-pool: which price of the equilibrium interval."""
    rounds: int = given(40, source=JUDGEMENT, ge=1, le=1000)
    """iterated-pool: after so many rounds it stops, converged or not."""
    tolerance: Share = given(0.02, unit="share", source="judgement: twice what plans of homes miss their optimum by")
    """iterated-pool: by how much members may still gain, of what all pay, where it is said to have converged."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return {"rule": value} if isinstance(value, str) else value

    def arguments(self) -> dict[str, Any]:
        """The parameters by the names that the rules of ``markets.internal_prices`` give them."""
        return {"weight": self.weight, "compensation": self.compensation, "pick": self.pick}


class Allocation(Part):
    """The rule of the allocation coefficients; its name alone is enough."""

    rule: str = given("transaction-coefficients", source="SUC02.1: dynamic coefficients, computed from transactions")
    """Name of the rule (those of kind allocation in ``coflex rules``)."""
    shares: dict[str, Share] = given({}, unit="share by member", source="equal shares")
    """static-coefficients: shares by member or prefix (in equal parts), 100% in all."""
    levels: dict[str, int] = given({}, source="all on level 1")
    """hierarchical-coefficients: level by member or prefix; 1 is served first."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return {"rule": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check(self) -> Self:
        total = sum(self.shares.values())
        if self.shares and abs(total - 1.0) > 1e-6:
            refuse(
                f"shares: they sum to {100 * total:g}%, not to 100%; coefficients share the whole of the community's energy"
            )
        return self


class Flexibility(Part):
    """How a community sells flexibility to the DSO (centralised operation only)."""

    offers: bool = given(True, source="SUC02.1: the EC manager acts as aggregator too")
    """Whether it answers needs of the DSO."""
    through: Literal["direct", "lfmo"] = given(
        "direct", source="SUC02.1: the DSO directly, or the market operator as intermediary"
    )
    """Who asks: the DSO itself, or the market operator for it."""
    price_eur_per_kwh: float | None = given(
        None,
        unit="EUR/kWh",
        source="SUC02.1: without a buying price the community tries to build a supply curve",
        ge=0,
        le=10,
    )
    """What the DSO says it pays; nothing: it names no price, and the community offers quantities at prices of its own."""
    margin_percent: float = given(10.0, unit="% of the opportunity cost", source=JUDGEMENT, ge=0, le=500)
    """Added to the opportunity cost of an offer without a given price."""
    penalty_eur_per_kwh: float = given(
        0.10,
        unit="EUR/kWh",
        source="judgement: about what the energy costs; SUC02.1 says that it is owed, not how much",
        ge=0,
        le=10,
    )
    """What a member owes the manager for each committed kWh that it did not deliver."""


class Community(Actor):
    """An energy community and its manager, who runs its platform."""

    name: str = given("ec-1", source="a name", pattern=NAME)
    """Name of the community, also the manager's address."""
    kind: Literal["REC", "CEC"] = given("REC", source="SUC02.1 I-6")
    """Renewable energy community (members close to its plants) or citizen energy community."""
    regulation: str = given(
        "pt", source="data/sharing/countries.yaml; SUC02.1 asks for dynamic coefficients, as in Portugal"
    )
    """Country whose rules of sharing hold."""
    members: Annotated[dict[str, Share], BeforeValidator(_alone)] = given(
        {"home": 1.0}, unit="share by prefix", source="all homes"
    )
    """Who is asked: prefixes of groups with the share of their homes, or homes by name."""
    min_members: int = given(2, source="judgement: nobody shares alone", ge=1)
    """Least number of members; with fewer the community is not founded."""
    max_distance_km: float | None = given(None, unit="km", source="the radius of the regulation", gt=0, le=100)
    """Largest distance between the connection points of two members; a REC keeps it, a CEC need not."""
    same_transformer: bool = given(False, source="the radius alone")
    """Whether all members must be connected behind one distribution transformer (proximity)."""
    shared_assets: tuple[SharedAsset, ...] = given((), source="none unless said")
    """Plants that members own together."""
    mode: Literal["centralised", "market"] = given(
        "centralised", source="SUC02.1 describes the centralised mode in the first place"
    )
    """Centralised: the platform schedules all members' devices. Market: members decide, and trade inside after delivery."""
    objective: Literal["total-cost", "self-consumption", "member-profit", "emissions"] = given(
        "total-cost", source="SUC02.1 I-8"
    )
    """What the central schedule is for (the business model)."""
    chosen: tuple[str, ...] = given((), source="none")
    """member-profit: whose profit counts."""
    price: InternalPrice = given(InternalPrice())
    """Pricing mechanism of internal transactions."""
    allocation: Allocation = given(Allocation())
    """Rule of the allocation coefficients."""
    grid_tariff_eur_per_kwh: float = given(
        0.02,
        unit="EUR/kWh",
        source="judgement: about a third of the mean network part of Spanish and Portuguese tariffs",
        ge=0,
        le=1,
    )
    """Grid tariff of energy that members share over the public grid."""
    flexibility: Flexibility = given(Flexibility())
    """How it sells flexibility."""
    two_stage: bool = given(
        False, source="SUC02.1: settlement is fair to each member; what is fair beyond prices it leaves open"
    )
    """Whether members who would pay more for a day's energy than alone are made whole by those who gain (rule ``two-stage``)."""
    consent: Share = given(1.0, unit="share", source="joining implies consent; fewer for caution")
    """Share of the members that let the platform use their data and act on their devices."""
    looks: Share = given(0.3, unit="share", source=JUDGEMENT)
    """Share of the members that ask for their indicators on a given day."""
    rights: Share = given(0.0, unit="share", source="nobody unless said")
    """Share of the members that use a right over their data during the run (access, rectify, restrict in turn)."""
    plans: DayTime = given(
        DayTime.model_validate("12:10 the day before"), source="judgement: homes have planned by noon"
    )
    """When the platform collects forecasts and schedules the next day."""
    billing: str = given("billing-1", source="a name", pattern=NAME)
    """Name of the billing agent."""
    joins: dict[str, Moment] = given({}, source="all are members from the beginning")
    """Members that join later, by name."""
    leaves: dict[str, Moment] = given({}, source="nobody leaves")
    """Members that leave, by name."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.objective == "member-profit" and not self.chosen:
            refuse("chosen: objective member-profit needs the members whose profit counts")
        return self


def share_by_member(given_shares: Mapping[str, float], members: list[str]) -> dict[str, float]:
    """Shares by member of shares by name or prefix: the members of a prefix that are not named hold its share in equal parts."""
    found = {name: share for name, share in given_shares.items() if name in members}
    for prefix, share in given_shares.items():
        below = [name for name in members if name.rsplit("-", 1)[0] == prefix and name not in found]
        for name in below if prefix not in members else ():
            found[name] = share / len(below)
    return found
