"""Controls of what only some scenarios have: water heaters, a pilot, markets of several system operators, balancing services."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from dashboard.controls_field import Changes, Control, of_field, of_rule
from dashboard.scenarios import Path_
from experiments.scenario.balancing import Balancing
from experiments.scenario.fields import Part
from experiments.scenario.global_market import GlobalMarket
from experiments.scenario.heaters import Heaters
from experiments.scenario.pilot import Modes, Pilot


def of_heaters(part: Heaters) -> Iterator[Control]:
    """Installation of controllers, and how tanks are run."""
    at: Path_ = ("heaters",)
    visits, services = (*at, "installation"), (*at, "services")
    yield of_field(part.installation, "visits_per_day", visits, "Visits of the installer a day", high=200.0)
    yield of_field(part.installation, "recruited", visits, "Homes whose people were won")
    yield of_field(part.installation, "coverage_4g", visits, "Tanks within 4G coverage")
    yield of_field(part.installation, "dead_radio", visits, "Modules without network when fitted")
    yield of_field(part.installation, "household_meter", visits, "Homes that get a meter of the whole household")
    yield of_field(part, "training_days", at, "Days of learning before control", high=21.0)
    yield of_field(part.services, "self_consumption", services, "Homes that want sunny hours used")
    yield of_field(part.services, "tariff", services, "Homes that want cheap hours used")
    yield of_field(part.services, "peak_shaving", services, "Homes that want to stay within their limit")
    yield of_field(part, "peak_limit", at, "That limit, as a share of the contracted power")
    yield of_field(part, "comfort_c", at, "Water must be this warm (°C)")
    yield of_field(part, "hygiene_c", at, "Against legionella heated to (°C)")
    yield of_field(part, "hygiene_days", at, "and that at least once in (days)")
    yield of_field(part, "reserve_quantile", at, "Days on which the reserve of hot water must do")


def of_pilot(part: Pilot) -> Iterator[Control]:
    """Who is admitted, how devices are controlled, and what is sold."""
    at: Path_ = ("pilot",)
    admitted, controlled = (*at, "admission"), (*at, "control")
    yield of_field(part.admission, "interested", admitted, "Homes that are interested")
    yield of_field(part.admission, "cautious", admitted, "Homes that let their data go to the aggregator alone")
    yield of_field(part.admission, "places", admitted, "Places in the pilot")
    yield of_field(part.admission, "late", admitted, "Homes that join a day later")
    yield of_field(part.admission, "total_eur", admitted, "Budget of the pilot for devices and visits (EUR)", high=1e6)
    yield _automatic(part.modes, (*at, "modes"))
    yield of_field(part.modes, "changes_per_day", (*at, "modes"), "Times a day that people change a mode")
    yield of_field(part.control, "peak_percent", controlled, "Power counts as near the contract from (%)")
    yield of_field(part.congestion, "limit_kw", (*at, "congestion"), "The feeder carries (kW)", low=1.0)
    yield of_field(
        part.congestion, "eur_per_kwh", (*at, "congestion"), "The DSO pays for flexibility (EUR/kWh)", low=0.01
    )
    yield of_field(
        part.balancing, "reserve_kw", (*at, "balancing"), "Reserve that the TSO wants each hour (kW)", low=0.5
    )
    yield of_field(part.balancing, "called_share", (*at, "balancing"), "Hours of reserve that are called")
    yield of_field(part, "margin_percent", at, "What the aggregator adds to prices of homes (%)")
    yield of_field(part, "share_to_homes", at, "Part of the income that goes to homes")


def _automatic(modes: Modes, path: Path_) -> Control:
    """Share of the devices that begin in automatic mode; the other modes keep their proportions."""
    others = {name: share for name, share in modes.initial.items() if name != "automatic"}
    whole = sum(others.values())

    def write(share: float) -> Changes:
        rest = {
            name: round((1.0 - share) * (one / whole if whole else 1.0 / len(others)), 6)
            for name, one in others.items()
        }
        if not rest:
            rest = {"manual": round(1.0 - share, 6)}
        return [((*path, "initial"), {**rest, "automatic": round(1.0 - sum(rest.values()), 6)})]

    value = modes.initial.get("automatic", 0.0)
    return of_field(
        modes, "initial", path, "Devices in automatic mode at first", value=value, kind="share", write=write
    )


def of_global_market(part: GlobalMarket) -> Iterator[Control]:
    """Coordination of operators, limits, prices and settlement."""
    at: Path_ = ("global_market",)
    bids, system, after = (*at, "bids"), (*at, "transmission"), (*at, "delivery")
    yield of_rule(part.bids, "coordination", bids, "Who buys what (coordination scheme)", "coordination")
    yield of_rule(part.bids, "limits", bids, "How bids share a traffic light", "bid-component")
    yield of_field(part.bids, "unmet_eur_per_kwh", bids, "Worth of a need that is left open (EUR/kWh)", low=0.05)
    yield of_field(part.transmission, "error_percent", system, "Error of the system's schedule (% of its load)")
    yield of_field(part.transmission, "markup_eur_per_kwh", system, "What power plants add to their cost (EUR/kWh)")
    yield _of_all(part.bsps, "margin_percent", (*at, "bsps"), "What providers add to prices of homes (%)")
    yield _of_all(part.bsps, "bids_percent", (*at, "bsps"), "Part of what is possible that is bid (%)", low=1.0)
    yield _of_all(part.dsos, "margin_percent", (*at, "dsos"), "Safety margin of the DSOs (%)")
    yield _of_all(part.dsos, "limits_late_h", (*at, "dsos"), "Limits of the DSOs come too late by (h)")
    yield of_field(part.lights, "updates_every_h", (*at, "lights"), "Hours between two updates of lights")
    yield of_field(part.delivery, "day_ahead_eur_per_kwh", after, "Price of energy (EUR/kWh)")
    yield of_field(part.delivery, "monitoring", after, "Providers' own data without gaps")
    yield of_field(part.delivery, "report_tolerance", after, "Difference of a report that nobody asks about")


def of_balancing(part: Balancing) -> Iterator[Control]:
    """What the system operator buys, how prices and penalties are, and what homes keep for themselves."""
    at: Path_ = ("balancing",)
    names = {
        "fcr": "frequency containment (FCR)",
        "afrr": "automatic restoration (aFRR)",
        "mfrr": "manual restoration (mFRR)",
    }
    for key, label in names.items():
        yield of_field(getattr(part, key), "need_kw", (*at, key), f"Needed: {label}, kW")
    products = [getattr(part, key) for key in names]

    def of_products(name: str) -> Callable[[Any], Changes]:
        return lambda value: [((*at, key, name), value) for key in names]

    yield of_field(
        products[0],
        "penalty",
        (*at, "fcr"),
        "Penalty for missing power (times the price)",
        high=20.0,
        write=of_products("penalty"),
    )
    yield of_field(
        products[0], "tolerance", (*at, "fcr"), "Shortfall without consequence", write=of_products("tolerance")
    )
    yield of_field(products[0], "pays_as_cleared", (*at, "fcr"), "Everybody gets the highest price (FCR)")
    yield of_field(part.signals, "imbalance_kw", (*at, "signals"), "Size of the area's imbalance (kW)")
    yield of_field(part, "battery_share", at, "Part of batteries that may be reserved")
    yield of_field(part, "endurance_h", at, "A reserve must last (h)")
    yield _of_all(part.pools, "offers", (*at, "pools"), "Part of what is found that pools offer")
    yield _of_all(part.pools, "shares", (*at, "pools"), "Part of the income that goes to homes")


def _of_all(parts: Sequence[Part], name: str, path: Path_, label: str, **more: Any) -> Control:
    """One control for a key of all parties of a kind; it shows that of the first."""

    def write(value: Any) -> Changes:
        return [((*path, number, name), value) for number in range(len(parts))]

    own = sorted({str(getattr(one, name)) for one in parts})
    made = of_field(parts[0], name, (*path, 0), label, write=write, **more)
    if len(own) > 1:
        return Control(
            **{
                **vars(made),
                "help": f"{made.help}\n\nIn the scenario they differ: {', '.join(own)}; a change is for all.",
            }
        )
    return made
