"""Indicators of demonstration projects that are ratios of what other figures count: offered of requested, cleared of offered, losses, emissions, cost-effectiveness."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

import data
from data.arrays import F64, I64
from experiments.kpis.facts import MS_PER_H, Facts, ratio, summed, total
from experiments.kpis.grid import Figure, feed_in_above_limit_kwh
from experiments.kpis.market import (
    energy,
    flexibility_activated_kwh,
    flexibility_cost_eur,
    flexibility_delivered_kwh,
    flexibility_needed_kwh,
)
from experiments.kpis.parties import PLATFORMS, platform_of_messages
from experiments.kpis.reinforcement import DAY_MS, reinforcement_eur_per_year

CARBON = "profiles/co2_month_hour.parquet"


def percent_of(part: Figure, whole: Figure) -> Figure:
    """One figure in percent of another."""

    def figure(facts: Facts) -> float | None:
        share = ratio(part(facts), whole(facts))
        return None if share is None else 100.0 * share

    return figure


def available_percent(facts: Facts) -> float | None:
    """Largest power that providers announced upward, portfolio by portfolio, over the peak of the load of all meters without coordination [%]."""
    told, meters = facts.all("availability"), (facts.twin or facts).days("meters")
    if told is None or meters is None:
        return None
    portfolio = told.grouped("fsp", "area")
    largest = np.zeros(int(portfolio.max()) + 1)
    np.maximum.at(largest, portfolio, told.floats("up_kw"))
    taken = summed(np.unique(meters.ints("t_ms"), return_inverse=True)[1], meters.floats("import_kwh")) / facts.hours
    share = ratio(float(largest.sum()), float(taken.max()))
    return None if share is None else 100.0 * share


def bids_per_session(facts: Facts) -> float | None:
    """Bids received in a session, each counted once whatever its intervals."""
    bids = facts.days("bids")
    if bids is None:
        return None
    return float(bids.grouped("bid").max() + 1) / float(bids.grouped("session").max() + 1)


def consenting_percent(facts: Facts) -> float | None:
    """Homes that let their provider act on their devices, of those under contract [%]."""
    homes = facts.all("homes")
    if homes is None:
        return None
    under = homes.names("fsp") != ""
    share = ratio(float(homes.bools("consent")[under].sum()), float(under.sum()))
    return None if share is None else 100.0 * share


def platform_availability_percent(facts: Facts) -> float | None:
    """Messages to and from platforms that were acknowledged at their first transmission, of all of them [%]."""
    messages, platform = facts.all("messages"), platform_of_messages(facts)
    if messages is None or platform is None:
        return None
    mine = messages.where(platform < len(PLATFORMS))
    if not len(mine):
        return None
    once = ~np.isnan(mine.floats("acknowledged_ms")) & (mine.ints("attempts") == 1)
    return 100.0 * float(once.mean())


def losses_percent(facts: Facts) -> float | None:
    """Losses of the grid, of what meters took and the losses [%]."""
    branches, meters = facts.days("grid_branches"), facts.days("meters")
    if branches is None or meters is None:
        return None
    lost, taken = (
        total(branches.floats("loss_kw") * facts.hours) if branches.has("loss_kw") else None,
        total(meters.floats("import_kwh")),
    )
    share = ratio(lost, None if lost is None or taken is None else lost + taken)
    return None if share is None else 100.0 * share


def generated_kwh(facts: Facts) -> float | None:
    """Energy that panels and plants generate."""
    devices = facts.days("devices")
    if devices is None:
        return None
    mine = np.isin(devices.names("kind"), ("pv", "mv_plant"))
    return float(-devices.floats("power_kw")[mine].sum()) * facts.hours if mine.any() else None


def curtailed_percent(facts: Facts) -> float | None:
    """Generation less than in the twin, of the twin's [%]."""
    own, other = generated_kwh(facts), generated_kwh(facts.twin) if facts.twin else None
    share = ratio(None if own is None or other is None else other - own, other)
    return None if share is None else 100.0 * share


def curtailment_avoided_percent(facts: Facts) -> float | None:
    """Feed-in that voltages forbid and coordination makes room for, of all that they forbid without it [%].

    Without coordination nobody curtails in the simulation; what homes feed in at buses above their limit is what an operator would have to curtail.
    """
    if facts.twin is None:
        return None
    before, after = feed_in_above_limit_kwh(facts.twin), feed_in_above_limit_kwh(facts)
    made = [generated_kwh(one) for one in (facts.twin, facts)]
    if before is None or after is None or made[0] is None or made[1] is None:
        return None
    share = ratio(before - after - max(made[0] - made[1], 0.0), before)
    return None if share is None else 100.0 * share


def messages_per_kwh(facts: Facts) -> float | None:
    """Messages of the whole run for each kWh of flexibility that was delivered."""
    messages = facts.all("messages")
    return None if messages is None else ratio(float(len(messages)), flexibility_delivered_kwh(facts))


def message_parity_eur(facts: Facts) -> float | None:
    """What a message may cost until messages cost as much as the flexibility that they trade [EUR]."""
    messages = facts.all("messages")
    return None if messages is None else ratio(flexibility_cost_eur(facts), float(len(messages)))


def emissions_kg(facts: Facts) -> float | None:
    """Net load of all meters times the mean carbon intensity of the country in that month and hour [kg]."""
    meters, place = facts.days("meters"), facts.scenario.get("place") or {}
    country, begins, zone = place.get("country"), facts.meta.get("begins"), facts.meta.get("zone")
    if meters is None or not (country and begins and zone):
        return None
    t_ms, place_of = np.unique(meters.ints("t_ms"), return_inverse=True)
    net = summed(place_of, meters.floats("import_kwh") - meters.floats("export_kwh"))
    intensity = _carbon_g_per_kwh(str(country), t_ms, str(begins), str(zone))
    return None if intensity is None else float((net * intensity).sum()) / 1000.0


def _carbon_g_per_kwh(country: str, t_ms: I64, begins: str, zone: str) -> F64 | None:
    """Intensity of each instant [g/kWh], (T,); None for a country without a table."""
    if country.lower() not in data.column_names(CARBON):
        return None
    table = data.read_parquet_columns(CARBON, [country.lower()]).values[country.lower()].reshape(12, 24)
    first = datetime.fromisoformat(begins).astimezone(UTC)
    local = [(first + timedelta(hours=at / MS_PER_H)).astimezone(ZoneInfo(zone)) for at in t_ms.tolist()]
    return np.array([table[at.month - 1, at.hour] for at in local], np.float64)


def cost_effectiveness_percent(facts: Facts) -> float | None:
    """What flexibility on so many days a year as the scenario assumes saves of the yearly cost of a stronger grid [%]."""
    prices = ((facts.scenario.get("grid") or {}).get("means") or {}).get("reinforcement") or {}
    cost, stronger, days = (
        flexibility_cost_eur(facts),
        reinforcement_eur_per_year(facts),
        prices.get("instead_days_per_year"),
    )
    if cost is None or not stronger or days is None:
        return None
    a_day = cost / ((facts.end_ms - facts.start_ms) / DAY_MS)
    return 100.0 * (stronger - a_day * float(days)) / stronger


FIGURES: Mapping[str, Figure] = {
    "available_percent": available_percent,
    "offered_percent": percent_of(energy("bids", "quantity_kw"), flexibility_needed_kwh),
    "cleared_percent": percent_of(energy("bids", "accepted_kw"), energy("bids", "quantity_kw")),
    "activated_percent": percent_of(flexibility_activated_kwh, energy("bids", "accepted_kw")),
    "bids_per_session": bids_per_session,
    "consenting_percent": consenting_percent,
    "platform_availability_percent": platform_availability_percent,
    "losses_percent": losses_percent,
    "generation_curtailed_percent": curtailed_percent,
    "curtailment_avoided_percent": curtailment_avoided_percent,
    "messages_per_kwh": messages_per_kwh,
    "message_parity_eur": message_parity_eur,
    "emissions_kg": emissions_kg,
    "cost_effectiveness_percent": cost_effectiveness_percent,
}
