"""The registry of roles, and how a part of a world is described: who has which address, and how its parties are made.

A part is a module of ``experiments.assembly.world.PARTS`` with the three functions of :class:`Part`. It decides by the scenario
whether it has anything to add; no part knows another.
"""

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, NamedTuple, Protocol

from environment.addresses import Address
from environment.party import Party
from environment.world import World
from experiments.assembly.site import Site

ROLES: dict[str, str] = {
    "prosumers": "agents.prosumer:Prosumers",
    "prosumers-in-communities": "agents.prosumer_members:MemberHomes",
    "producers": "agents.producer:Producers",
    "aggregator": "agents.aggregator:Aggregator",
    "dso": "agents.dso:Dso",
    "dso-direct": "agents.dso_direct:DirectDso",
    "dso-community": "agents.dso_community:CommunityDso",
    "community-market": "agents.community_market:CommunityMarket",
    "ec-manager": "agents.ec_manager:EcManager",
    "billing-agent": "agents.billing_agent:BillingAgent",
    "lfmo": "agents.lfmo:Lfmo",
    "platform-provider": "agents.platform_provider:PlatformProvider",
    "retailer": "agents.retailer:Retailer",
    "gdbn": "environment.platforms.gdbn:Gdbn",
    "state": "environment.party:Party",
    "attacker": "agents.attacker:Attacker",
    "households": "agents.households:Households",
    "home-aggregator": "agents.home_aggregator:HomeAggregator",
    "cloud-database": "environment.platforms.cloud_database:CloudDatabase",
    "pilot-leader": "agents.pilot_leader:PilotLeader",
    "installer": "agents.installer:Installer",
    "service-developer": "agents.service_developer:ServiceDeveloper",
    "congestion-buyer": "agents.home_buyers:CongestionBuyer",
    "reserve-buyer": "agents.home_buyers:ReserveBuyer",
    "closed-market": "agents.home_buyers:ClosedMarket",
    "weather-agency": "agents.external_data:WeatherAgency",
    "retrofit-installer": "agents.retrofit_installer:RetrofitInstaller",
    "consumers": "agents.consumers:Consumers",
    "controller-modules": "agents.controller_modules:ControllerModules",
    "ems": "agents.ems:Ems",
    "tso-market": "agents.tso_market:TsoMarket",
    "commercial-buyer": "agents.commercial_buyer:CommercialBuyer",
    "generation-company": "agents.generation_company:GenerationCompany",
    "cbp": "environment.platforms.cbp:Cbp",
    "flexibility-register": "agents.flexibility_register:FlexibilityRegister",
    "dso-traffic-lights": "agents.dso_traffic_lights:TrafficLightDso",
    "tso": "agents.tso:Tso",
    "bsp": "agents.bsp:Bsp",
    "pgui": "agents.pgui:Pgui",
    "balance-responsible": "agents.balance_responsible:BalanceResponsible",
    "pool-homes": "agents.pool_homes:PoolHomes",
    "pool-aggregator": "agents.pool_aggregator:PoolAggregator",
    "pool-platform": "agents.pool_platform:PoolPlatform",
    "reserve-unit": "agents.reserve_unit:ReserveUnit",
    "balancing-tso": "agents.balancing_tso:BalancingTso",
}
"""Roles by name, resolved on use."""


class Made(NamedTuple):
    """A party, what empties its writable instruments after it has acted, and what brings up to date what it sees before it acts."""

    party: Party
    drains: Iterable[Callable[[], None]] = ()
    fills: Iterable[Callable[[], None]] = ()


Maker = Callable[[Site, World], Made]
"""Makes one party in its place in a world."""


class Part(Protocol):
    """What a part of a world adds; its modules have these functions."""

    def addresses(self, site: Site) -> list[Address]:
        """Who can be written to."""

    def channels(self, site: Site) -> dict[str, str]:
        """Parties and systems behind a channel of their own: address, or the first part of it -> name of the channel."""

    def makers(self, site: Site) -> list[Maker]:
        """What makes its parties; without coordination, only what lives in a twin too."""


def role(name: str) -> Any:
    """The class of a named role."""
    module, attribute = ROLES[name].split(":")
    return getattr(import_module(module), attribute)
