"""A session of the global market among its real parties: two DSOs, three providers, a generation company, platform, market operator and TSO."""

from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

import numpy as np

from agents.bsp_bids import BidDesk, BidTerms, Offered
from agents.commercial_buyer import BuyerTerms, CommercialBuyer, Opening
from agents.dso_market_limits import DayLights, LimitDesk, LimitTerms, LocalUse
from agents.dso_purchases import PurchaseDesk, PurchaseTerms
from agents.generation_company import GenerationCompany, UnitTerms
from agents.tso_commercial import CommercialDesk, CommercialTerms
from agents.tso_component_terms import ComponentTerms, Session, TransmissionView
from agents.tso_components import ComponentDesk
from agents.tso_market import TsoMarket, TsoMarketTerms
from environment.grid.transmission import read_transmission, unit_offers
from environment.office import Office
from environment.party import Party
from environment.platforms.cbp_market import MarketDesk
from experiments.scenario.library import rule, rule_with
from markets.coordination.payers import allotted_kw
from markets.registers.grid_element import eic_check_character

HOUR_MS = 3_600_000
SESSION = Session("MSD", 24 * HOUR_MS, 14 * HOUR_MS, 16 * HOUR_MS, 17 * HOUR_MS)
UNIX_MS = 1_782_000_000_000
DAY = 24


def eic(letters):
    first = f"10X{letters:-<12}"
    return first + eic_check_character(first)


DSOS = {"dso-1": "B", "dso-2": "C"}
PERIMETERS = {
    dso: tuple(f"{eic(dso.upper())}0580910{number:03d}_CS"[:16] + f"058091{number:04d}_CS" for number in (1, 2))
    for dso in DSOS
}
ALL = tuple(name for dso in sorted(PERIMETERS) for name in PERIMETERS[dso])


class Tso(Office):
    desks: ClassVar = {"components": ComponentDesk, "commercial": CommercialDesk}


class Cbp(Office):
    desks: ClassVar = {"market": MarketDesk}


class Bsp(Office):
    desks: ClassVar = {"bids": BidDesk}


class Dso(Office):
    desks: ClassVar = {"limits": LimitDesk, "purchases": PurchaseDesk}


def flat(*kw):
    """Rows of 24 equal values."""
    return np.array([[one] * DAY for one in kw], float)


def offered(kw, price, perimeters=ALL, possible=None):
    """What a provider offers in every hour, by perimeter."""
    most = flat(*(possible or kw))
    return Offered(tuple(perimeters), flat(*kw), most, price, np.full(DAY, 100.0), np.zeros_like(most))


def lit(colour=0, capability=0.0, way=0):
    """The light of a perimeter: one direction limited the whole day."""
    colours, capabilities = np.zeros((2, DAY), np.int64), np.zeros((2, DAY))
    colours[way], capabilities[way] = colour, capability
    return DayLights(colours, capabilities)


@dataclass
class Setting:
    """What is special about a session."""

    supply: dict = field(default_factory=dict)
    lights: dict = field(default_factory=dict)
    plans: dict = field(default_factory=dict)
    late_s: float = 0.0
    direct: tuple = ("bsp-3",)
    scheme: str = "central-with-traffic-light"
    counts: bool = True
    limit: str = "merit-order-components"
    needed_kw: float = 300.0
    line_low_kw: float = -1e6
    script: tuple = ()
    cbp: bool = True
    bids_after_s: float = 900.0
    repeats: int = 0
    buyers: dict = field(default_factory=dict)
    """Commercial party -> what it is short of in every hour, and its value."""


class Stranger(Party):
    """Sends what it is told when it is told."""

    def __init__(self, seat, script=()):
        super().__init__(seat)
        self._script = script

    def processes(self):
        return [self._say(at_ms, record, to) for at_ms, record, to in self._script]

    def _say(self, at_ms, record, to):
        yield self.until(at_ms)
        self.send(record, to, "c")


BSPS = ("bsp-1", "bsp-2", "bsp-3")
COMMERCIAL = ("trader",)
ADDRESSES = (
    "tso",
    "cbp",
    "tso-market",
    "tso-market/platform",
    "genco",
    "stranger",
    *BSPS,
    *COMMERCIAL,
    *DSOS,
    *(f"{dso}/technical-platform" for dso in DSOS),
)
ACTORS = {
    "tso": ("tso",), "cbp": ("cbp",), "tso-market": ("tso-market-operator",), "tso-market/platform": ("tso-market-platform",), "genco": ("bsp",),
    **dict.fromkeys(BSPS, ("bsp",)), **dict.fromkeys(DSOS, ("dso",)), **dict.fromkeys(COMMERCIAL, ("production-responsible-party",)),
    **{f"{dso}/technical-platform": ("dso-technical-platform",) for dso in DSOS},
}  # fmt: skip


def play(stage, setting=None, until_h=49.0):
    """A world in which the session was held; parties by name in ``there.parties``, schedules in ``there.schedules``."""
    said = setting or Setting()
    there = stage(*ADDRESSES, actors=ACTORS)
    there.schedules = []
    matrix = {(bsp, name): (f"{bsp}-point",) for bsp in BSPS for name in ALL}
    network = read_transmission("five-bus", 0.001)
    load = np.repeat(network.load_kw[:, None], DAY, axis=1) * 0.9
    schedule = network.scheduled_kw(load)
    relief, _, _ = network.reliefs(network.flow_kw(network.injection_kw(schedule, load)))
    low = np.full((len(network.limited_lines), DAY), said.line_low_kw)
    view = TransmissionView(
        network.nodes,
        network.limited_lines,
        relief,
        low,
        np.full(low.shape, 1e6),
        {"tso": np.full(DAY, said.needed_kw)},
    )
    lights = {name: said.lights.get(name, lit()) for name in ALL}
    on_platform = {bsp: bsp not in said.direct for bsp in BSPS}
    terms = ComponentTerms(
        [SESSION], on_platform, ("genco",), DSOS, PERIMETERS, "tso-market", "tso-market/platform", "cbp", rule("bid-component", said.limit),
        "traffic-light" in said.scheme, lambda _: view, lambda: matrix,
    )  # fmt: skip
    there.parties = {
        "tso": there.agent(
            Tso,
            "tso",
            {"components": ComponentDesk(terms), "commercial": CommercialDesk(CommercialTerms("tso-market", 0.1))},
        )
    }
    if said.cbp:
        known = frozenset(bsp for bsp, is_on in on_platform.items() if is_on)
        there.parties["cbp"] = there.agent(Cbp, "cbp", {"market": MarketDesk("tso", frozenset(DSOS), known)})
    else:
        there.puppet("cbp")
    scheme = rule_with("coordination", said.scheme, {"unmet_eur_per_kwh": 3.0, "counts": said.counts})
    there.parties["tso-market"] = there.agent(
        TsoMarket,
        "tso-market",
        TsoMarketTerms(
            "tso",
            frozenset((*BSPS, "genco")),
            scheme,
            said.scheme,
            partial(allotted_kw, unmet_eur_per_kwh=3.0),
            frozenset(COMMERCIAL),
        ),
    )
    offers = unit_offers(
        schedule, network.capacity_kw, network.cost_eur_per_kwh, network.price_eur_per_kwh(schedule), 0.010
    )
    units = UnitTerms(
        network.units, tuple(network.nodes[k] for k in network.node_of_unit), tuple(network.zone_of_node[k] for k in network.node_of_unit),
        lambda _: offers, "tso-market", "tso", UNIX_MS,
    )  # fmt: skip
    for buyer, (short, value) in said.buyers.items():
        opening = Opening("MSD", SESSION.from_ms, SESSION.opens_ms)
        wants = BuyerTerms([opening], lambda _, short=short: flat(short)[0], value, "tso-market", "tso", 0.1)
        there.parties[buyer] = there.agent(CommercialBuyer, buyer, wants)
    for buyer in COMMERCIAL if not said.buyers else ():
        there.puppet(buyer)
    there.parties["genco"] = there.agent(GenerationCompany, "genco", units)
    for bsp in BSPS:
        mine = said.supply.get(bsp, {})
        bids = BidTerms(
            f"UVA-{bsp}",
            "Nord",
            "T1",
            "tso-market",
            "tso",
            "cbp" if on_platform[bsp] else "",
            UNIX_MS,
            bids_after_s=said.bids_after_s,
            repeats=said.repeats,
        )
        desk = BidDesk(bids, lambda way, _, mine=mine: mine.get(way), there.schedules.append)
        there.parties[bsp] = there.agent(Bsp, bsp, {"bids": desk})
    for dso in DSOS:
        own = {name: lights[name] for name in PERIMETERS[dso]}
        plans = {name: LocalUse(*use) for name, use in said.plans.items() if name in own}
        limits = LimitTerms("tso", "cbp", lambda _, own=own: own, lambda _, plans=plans: plans, late_s=said.late_s)
        there.parties[dso] = there.agent(
            Dso, dso, {"limits": LimitDesk(limits), "purchases": PurchaseDesk(PurchaseTerms("tso-market", "tso"))}
        )
    there.parties["stranger"] = there.agent(Stranger, "stranger", said.script)
    return there.run(until_h * 3600)


def table(there, party, name):
    """Columns of a party's register."""
    return there.parties[party].register(name).columns()


SUPPLY = {
    "bsp-1": {"up": offered([50, 40, 0, 0], 0.002), "down": offered([10, 10, 0, 0], 0.001)},
    "bsp-2": {"up": offered([60, 0, 30, 0], 0.004)},
    "bsp-3": {"up": offered([20, 0, 0, 60], 0.006)},
}
