"""Which devices homes own, and their ratings: each home draws its own from documented distributions. Synthetic.

Distributions and their sources are data (data/profiles/device_ratings.yaml). Every draw depends on the seed, the quantity and the
name of the home, so that a home keeps its devices whoever else is there.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import data
from data.arrays import F64, I64, U64, Bool
from environment.chance import Chance, name_hashes

Arrays = dict[str, F64]


@cache
def parameters() -> Mapping[str, Any]:
    """The distributions of ratings."""
    content: Mapping[str, Any] = data.read_yaml("profiles", "device_ratings.yaml")
    return content


def owns(chance: Chance, kind: str, names: Sequence[str], share: float) -> Bool:
    """Which homes own a device, shape (n,).

    Each home has its own threshold per kind: a larger share keeps all owners of a smaller one.
    """
    return np.asarray(chance.stream(f"sampling.owns.{kind}").uniform(name_hashes(names)) < share)


def pv_ratings(chance: Chance, names: Sequence[str]) -> Arrays:
    """``kwp``, ``tilt_deg``, ``azimuth_deg``, ``losses_percent``, ``dc_ac_ratio`` of rooftop plants, each (n,)."""
    draw = _Draw(chance, "pv", names)
    given = parameters()["pv"]
    return {
        "kwp": draw.lognormal("kwp", given["kwp"]),
        "tilt_deg": draw.normal("tilt", given["tilt_deg"]),
        "azimuth_deg": draw.value("azimuth", given["azimuth_deg"]),
        "losses_percent": draw.normal("losses", given["losses_percent"]),
        "dc_ac_ratio": draw.normal("dc_ac", given["dc_ac_ratio"]),
    }


def battery_ratings(chance: Chance, names: Sequence[str], kwp: ArrayLike = 0.0) -> Arrays:
    """``kwh``, ``kw``, ``eta_charge``, ``eta_discharge`` of home batteries, sized to the PV plant where there is one, each (n,)."""
    draw = _Draw(chance, "battery", names)
    given = parameters()["battery"]
    per_kwp = draw.normal("kwh", given["kwh_per_kwp"])
    alone = given["kwh"]["alone"] * per_kwp / given["kwh_per_kwp"]["mean"]
    plant = np.asarray(kwp, np.float64)
    kwh = np.clip(np.where(plant > 0.0, per_kwp * plant, alone), given["kwh"]["low"], given["kwh"]["high"])
    return {
        "kwh": kwh,
        "kw": kwh / draw.normal("hours", given["hours"]),
        "eta_charge": draw.normal("charge", given["efficiency_one_way"]),
        "eta_discharge": draw.normal("discharge", given["efficiency_one_way"]),
    }


def ev_ratings(chance: Chance, names: Sequence[str], contracted_kw: ArrayLike = np.inf) -> Arrays:
    """``kwh``, ``charger_kw``, ``minimum_kw``, ``efficiency``, ``target_share`` of vehicles and their home chargers, each (n,).

    A charger larger than the contracted power is replaced by the largest one below it (3.7 kW at least).
    """
    draw = _Draw(chance, "ev", names)
    given = parameters()["ev"]
    wanted = draw.value("charger", given["charger_kw"])
    sizes = np.array(given["charger_kw"]["values"])
    fits = sizes[np.maximum(np.searchsorted(sizes, np.broadcast_to(contracted_kw, len(names)), side="right") - 1, 0)]
    charger = np.minimum(wanted, fits)
    minimum = np.array([given["minimum_kw"][size] for size in given["charger_kw"]["values"]])
    return {
        "kwh": draw.value("kwh", given["kwh"]),
        "charger_kw": charger,
        "minimum_kw": minimum[np.searchsorted(sizes, charger)],
        "efficiency": draw.normal("efficiency", given["efficiency"]),
        "target_share": draw.normal("target", given["target_share"]),
    }


def building_ratings(chance: Chance, names: Sequence[str], floor_m2: ArrayLike) -> Arrays:
    """``loss_kw_per_k``, ``capacity_kwh_per_k``, ``solar_aperture_m2``, ``internal_gains_kw``, ``era`` of dwellings, each (n,)."""
    draw = _Draw(chance, "building", names)
    given = parameters()["building"]
    eras = list(given["eras"].values())
    era = draw.position("era", [e["share"] for e in eras])
    floor = np.asarray(floor_m2, np.float64)
    loss = np.array([e["loss_w_per_k_m2"] for e in eras])[era] * np.exp(given["spread"] * draw.standard("loss"))
    capacity = np.array([e["capacity_kwh_per_k_m2"] for e in eras])[era] * np.exp(
        given["spread"] * draw.standard("capacity")
    )
    return {
        "loss_kw_per_k": loss * floor / 1000.0,
        "capacity_kwh_per_k": capacity * floor,
        "solar_aperture_m2": given["solar_aperture_m2_per_m2"]
        * floor
        * np.exp(given["spread"] * draw.standard("windows")),
        "internal_gains_kw": given["internal_gains_w_per_m2"] * floor / 1000.0,
        "era": era.astype(np.float64),
    }


def heat_pump_ratings(
    chance: Chance, names: Sequence[str], loss_kw_per_k: ArrayLike, comfort_c: ArrayLike = 20.0, country: str = "IT"
) -> Arrays:
    """``thermal_kw`` at design temperature, ``sink_c``, ``fleet_factor``, ``backup_kw``, each (n,); sized to the building's loss."""
    draw = _Draw(chance, "heat_pump", names)
    given = parameters()["heat_pump"]
    kelvin = np.asarray(comfort_c, float) - given["design_temp_c"][country]
    thermal = np.asarray(loss_kw_per_k) * kelvin * draw.normal("oversize", given["oversize"])
    backup = draw.uniform("backup") < given["backup_owned"][country]
    return {
        "thermal_kw": thermal,
        "sink_c": draw.value("sink", given["sink_c"]),
        "fleet_factor": draw.normal("fleet", given["fleet_factor"]),
        "backup_kw": np.where(backup, given["backup_share"] * thermal, 0.0),
    }


def water_heater_ratings(chance: Chance, names: Sequence[str], persons: ArrayLike) -> Arrays:
    """``litres``, ``kw``, ``loss_kw_per_k``, ``set_c``, ``dead_band_k`` of electric tanks, each (n,)."""
    draw = _Draw(chance, "water_heater", names)
    given = parameters()["water_heater"]
    sizes = np.array(given["litres"]["values"], np.float64)
    need = (
        given["litres_per_person"]["mean"] + given["litres_per_person"]["sd"] * draw.standard("litres")
    ) * np.asarray(persons)
    size = np.minimum(np.searchsorted(sizes, need), len(sizes) - 1)
    powers = np.array([given["kw"][litres] for litres in given["litres"]["values"]])
    larger = (draw.uniform("kw") < 0.5).astype(np.int64)
    band = given["dead_band_k"]
    return {
        "litres": sizes[size],
        "kw": powers[size, larger],
        "loss_kw_per_k": _standing_loss_kw_per_k(sizes[size], draw.uniform("loss")),
        "set_c": draw.normal("set", given["set_c"]),
        "dead_band_k": band["low"] + (band["high"] - band["low"]) * draw.uniform("band"),
    }


def _standing_loss_kw_per_k(litres: F64, drawn: F64) -> F64:
    """Standing loss S = a + b V^0.4 [W] at 45 K is the ceiling of class C; tanks reach a share of it."""
    loss = parameters()["water_heater"]["standing_loss"]
    share = loss["share_low"] + (loss["share_high"] - loss["share_low"]) * drawn
    return np.asarray(share * (loss["a_w"] + loss["b_w"] * litres ** loss["exponent"]) / loss["at_k"] / 1000.0)


class _Draw:
    """Draws for the homes of one kind of device; each quantity has its own stream."""

    def __init__(self, chance: Chance, kind: str, names: Sequence[str]) -> None:
        self._chance, self._kind = chance, kind
        self._owners: U64 = name_hashes(names)

    def standard(self, quantity: str) -> F64:
        return self._chance.stream(f"sampling.{self._kind}.{quantity}").normal(self._owners)

    def uniform(self, quantity: str) -> F64:
        return self._chance.stream(f"sampling.{self._kind}.{quantity}").uniform(self._owners)

    def position(self, quantity: str, shares: Sequence[float]) -> I64:
        return self._chance.stream(f"sampling.{self._kind}.{quantity}").choice(self._owners, shares)

    def normal(self, quantity: str, given: Mapping[str, float]) -> F64:
        """Normal, cut at the bounds."""
        return np.clip(given["mean"] + given["sd"] * self.standard(quantity), given["low"], given["high"])

    def lognormal(self, quantity: str, given: Mapping[str, float]) -> F64:
        """Lognormal around the median, cut at the bounds."""
        return np.clip(given["median"] * np.exp(given["sigma"] * self.standard(quantity)), given["low"], given["high"])

    def value(self, quantity: str, given: Mapping[str, Any]) -> F64:
        """One of the listed values, with its share; plus or minus a uniform jitter where one is given."""
        chosen = np.array(given["values"], np.float64)[self.position(quantity, given["shares"])]
        return np.asarray(chosen + given.get("jitter", 0.0) * (2.0 * self.uniform(f"{quantity}.jitter") - 1.0))
