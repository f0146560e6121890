"""The part of delivery beside the global market: gateways at the providers' points, balance responsible parties, and the desks that verify and settle."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from agents.balance_responsible import ResponsibleTerms
from agents.bsp_monitoring import Monitor
from agents.bsp_reports import ReportDesk, ReportTerms
from agents.dso_verification import VerificationDesk, VerificationTerms
from agents.flexibility_picture import Picture
from agents.pgui import GatewayTerms
from agents.tso_components import ComponentDesk
from agents.tso_delivery import delivered_components
from agents.tso_settlement import SettlementDesk, SettlementTerms
from agents.tso_units import UnitDesk, UnitSettlementTerms
from data.arrays import F64
from environment.addresses import Address
from environment.messages.global_market import GlobalClearing
from environment.office import Desk
from environment.platforms.measurement_desk import MeasurementDesk, MeasurementTerms
from environment.platforms.measurements import Gateway
from environment.platforms.register_store import RegisterStore
from environment.signatures import Signer, Verifier, secret
from environment.world import World
from experiments.assembly.roles import Made, Maker, role
from experiments.assembly.site import Site
from experiments.scenario.delivery import Delivery
from experiments.scenario.global_bids import Bids
from experiments.scenario.global_market import GlobalMarket
from markets.balancing.buyers import Energy
from markets.balancing.delivery import Component

SHARED = "shared-balancing"
COUNTING = frozenset({"multi-level", "multi-level-prequalified", "fragmented"})
"""Schemes under which it is a question whether DSOs' activations count."""
PGUI = "pgui"
"""Party of all gateways."""

Points = Mapping[str, Sequence[str]]
"""Provider -> its grid connection points, which are metering points."""


def responsible(bsp: str) -> str:
    """Name of the balance responsible party behind a provider's points."""
    return f"{bsp}-brp"


def gateway_of(gcp: str) -> str:
    """Address of the gateway at a metering point."""
    return f"{gcp.rpartition('/')[0]}/pgui"


def addresses(points: Points) -> list[Address]:
    """A gateway and its certified meter at every point, and a balance responsible party for each provider."""
    found = []
    for gcp in sorted(gcp for own in points.values() for gcp in own):
        member = gcp.rpartition("/")[0]
        found.append(Address(gateway_of(gcp), PGUI, ("pgui",), member, device=True))
        found.append(Address(gcp, PGUI, ("meter",), member, device=True))
    behind = map(responsible, sorted(points))
    return found + [Address(name, name, ("production-responsible-party",), name) for name in behind]


def channels(points: Points) -> dict[str, str]:
    """Gateways are reached over the meters' channel."""
    return {gateway_of(gcp): "meters" for own in points.values() for gcp in own}


def makers(market: GlobalMarket, points: Points) -> list[Maker]:
    """Gateways, and who is responsible for balance."""
    parties: list[Maker] = [partial(_responsible, market=market, bsp=name) for name in sorted(points)]
    gateways = partial(_gateways, points=points, reports_every_h=market.delivery.measurements_every_h)
    return [gateways, *parties] if any(points.values()) else parties


def _gateways(site: Site, world: World, points: Points, reports_every_h: int) -> Made:
    gcps = tuple(sorted(gcp for own in points.values() for gcp in own))
    numbers = world.directory.numbers
    terms = GatewayTerms(
        gcps, gcps, numbers([gateway_of(gcp) for gcp in gcps]), numbers(gcps),
        numbers([f"{gcp.rpartition('/')[0]}/der" for gcp in gcps]), "flexibility-register", reports_every_h,
    )  # fmt: skip
    gateways = [Gateway(gcp, _signer(site, gcp)) for gcp in gcps]
    store = site.living.physics.meters.share(gcps)
    return Made(role("pgui")(world.seat(PGUI), gateways, store, terms))


def _signer(site: Site, gcp: str) -> Signer:
    return Signer(secret(site.chance.seed, "gateway", gcp))


def _responsible(site: Site, world: World, market: GlobalMarket, bsp: str) -> Made:
    name = responsible(bsp)
    return Made(role("balance-responsible")(world.seat(name), ResponsibleTerms(market.tso, {bsp: bsp})))


# --- desks ----------------------------------------------------------------------------------------------------------------


def measurement_desk(
    site: Site, points: Points, roles: Mapping[str, str], store: Callable[[], RegisterStore]
) -> MeasurementDesk:
    """The register's desk: it knows the public key of every gateway."""
    gcps = [gcp for own in points.values() for gcp in own]
    verifier = Verifier({gcp: _signer(site, gcp).public for gcp in gcps})
    return MeasurementDesk(store, verifier, MeasurementTerms(roles, {gcp: gateway_of(gcp) for gcp in gcps}))


def verification_desk(
    site: Site, market: GlobalMarket, perimeters: Sequence[str], picture: Picture
) -> VerificationDesk:
    """The desk of a DSO for its own perimeters; which points lie there its copy of the topology matrix says."""
    said = market.delivery
    return VerificationDesk(VerificationTerms(
        days_ms=site.days_ms, tso=market.tso, register="flexibility-register", perimeters=tuple(perimeters),
        points=partial(_points_in, picture, frozenset(perimeters)),
        verifies_after_s=3600.0 * said.verifies_after_h, tolerance_times=said.limit_tolerance_times,
        tolerance_least_kw=said.limit_tolerance_kw, set_point_share=said.set_point_tolerance, report_share=said.report_tolerance, report_least_kwh=said.report_tolerance_kwh,
    ))  # fmt: skip


def settlement_desk(
    site: Site, market: GlobalMarket, dso_of: Mapping[str, str], picture: Picture, components: Callable[[int], Sequence[Component]]
) -> SettlementDesk:  # fmt: skip
    """The desk of the TSO."""
    said = market.delivery
    return SettlementDesk(SettlementTerms(
        days_ms=site.days_ms, dso_of=dso_of, register="flexibility-register", components=components, points=partial(_points_of, picture),
        responsible={one.name: responsible(one.name) for one in market.bsps}, energy=energy_of(market.bids), day_ahead_eur_per_kwh=said.day_ahead_eur_per_kwh,
        **_times(said), report_share=said.report_tolerance, report_least_kwh=said.report_tolerance_kwh,
    ))  # fmt: skip


def unit_desk(site: Site, market: GlobalMarket, sold: Callable[[int], Sequence[GlobalClearing]]) -> UnitDesk:
    """The desk of the TSO that settles units."""
    said = market.delivery
    return UnitDesk(UnitSettlementTerms(
        days_ms=site.days_ms, company=market.transmission.company, sold=sold, day_ahead_eur_per_kwh=said.day_ahead_eur_per_kwh,
        settles_after_s=_times(said)["final_after_s"],
    ))  # fmt: skip


def sold_by_units(desks: Mapping[str, Desk], company: str, from_ms: int) -> list[GlobalClearing]:
    """What the TSO's sessions about a day took of the units of a company, by bid."""
    desk = desks["components"]
    assert isinstance(desk, ComponentDesk)
    found = [one for running in desk.about(from_ms) for one in running.cleared.values() if one.bsp == company]
    return sorted(found, key=lambda one: one.bid)


def energy_of(bids: Bids) -> Energy:
    """Whose the energy is that DSOs activate, by the coordination scheme."""
    if bids.coordination == SHARED:
        return "buyer"
    return "tso" if bids.counts or bids.coordination not in COUNTING else "imbalance"


def _points_in(picture: Picture, perimeters: frozenset[str]) -> list[str]:
    return sorted(gcp for gcp, one in picture.topology.items() if one.dso_perimeter in perimeters)


def _points_of(picture: Picture) -> dict[str, list[str]]:
    """Provider -> its points."""
    found: dict[str, list[str]] = {}
    for gcp in sorted(picture.topology):
        found.setdefault(picture.topology[gcp].bsp, []).append(gcp)
    return found


def _times(said: Delivery) -> dict[str, float]:
    hours = {
        "opens_after_s": said.settles_after_h, "report_after_s": said.reports_within_h,
        "clarify_after_s": said.clarifies_within_h, "final_after_s": said.final_within_h,
    }  # fmt: skip
    return {name: 3600.0 * value for name, value in hours.items()}


def report_desk(
    site: Site, market: GlobalMarket, bsp: str, dso_of: Mapping[str, str], desks: Mapping[str, Desk]
) -> ReportDesk:
    """The desk of a provider.

    Args:
        site: where it is.
        market: what the scenario says.
        bsp: whose desk.
        dso_of: perimeter -> DSO.
        desks: all its desks; that of its pool knows plans, orders and the own metering.
    """
    said = market.delivery
    faults = [fault for fault in site.scenario.failing if fault.party == bsp]
    times = next((fault.reports for fault in faults if fault.reports is not None), 1.0)
    baselines, ordered, delivered = (
        partial(_of_pool, desks, name) for name in ("baselines", "ordered_kwh", "delivered_kwh")
    )
    monitor = Monitor(delivered, ordered, said.monitoring, site.chance.stream(f"delivery.monitoring.{bsp}"))
    return ReportDesk(ReportTerms(
        days_ms=site.days_ms, tso=market.tso, dso_of=dso_of, responsible=responsible(bsp), baselines=baselines,
        monitoring=monitor.of_day, reports_after_s=1800.0 * (said.reports_within_h - said.settles_after_h), times=times,
        insists=times != 1.0,
    ))  # fmt: skip


def _of_pool(desks: Mapping[str, Desk], what: str, from_ms: int) -> Mapping[str, F64]:
    """What the desk of a provider's pool knows of a day, by perimeter; nothing where there is none."""
    found: Mapping[str, F64] = getattr(desks["pool"], what)(from_ms) if "pool" in desks else {}
    return found


def delivered_parts(desks: Mapping[str, Desk], from_ms: int) -> Sequence[Component]:
    """What the TSO's sessions leave to be delivered on a day; nothing where it holds none."""
    desk = desks.get("components")
    return delivered_components(desk.about(from_ms)) if isinstance(desk, ComponentDesk) else ()
