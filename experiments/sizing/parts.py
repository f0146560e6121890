"""The pieces of a sizing study: where what stands or may be built, and what a technology costs."""

from typing import Annotated, Self

from pydantic import BeforeValidator, model_validator

from experiments.scenario.fields import JUDGEMENT, Part, Share, given, refuse

TYPICAL = "typical value of the market, an assumption [M]"


def _read_position(value: object) -> object:
    return {"x_m": value[0], "y_m": value[1]} if isinstance(value, list) and len(value) == 2 else value


class Position(Part):
    """A place on a plan of the area; ``[120, 40]`` for short."""

    x_m: float = given(unit="m")
    """To the east."""
    y_m: float = given(unit="m")
    """To the north."""


Spot = Annotated[Position, BeforeValidator(_read_position)]


# --- what stands or may be built at a site ----------------------------------------------------------------------------------


class Roof(Part):
    """Where photovoltaics stand or may be built."""

    existing_kwp: float = given(0.0, unit="kWp", source="none", ge=0)
    """What stands already."""
    most_kwp: float = given(0.0, unit="kWp", source="none", ge=0)
    """What may be added."""
    tilt_deg: float = given(
        24.0, unit="degrees", source="pitched roofs (data/profiles/device_ratings.yaml) [M]", ge=0, le=90
    )
    """Tilt from horizontal."""
    azimuth_deg: float = given(180.0, unit="degrees", source="south", ge=0, le=360)
    """Direction it faces."""


class Cellar(Part):
    """Where batteries stand or may be built."""

    existing_kwh: float = given(0.0, unit="kWh", source="none", ge=0)
    """What stands already."""
    most_kwh: float = given(0.0, unit="kWh", source="none", ge=0)
    """What may be added."""


class Heated(Part):
    """What is kept at a temperature by electricity; its consumption comes on top of what the site's meter history says."""

    controlled: bool = given(False, source="a thermostat alone")
    """Whether a control stands already; otherwise one may be installed."""

    @model_validator(mode="after")
    def _band(self) -> Self:
        low, kept, high = (getattr(self, name) for name in ("low_c", "set_c", "high_c"))
        if not low <= kept <= high:
            refuse(
                f"comfort from low_c {low:g} to high_c {high:g} degC does not hold set_c {kept:g}; write low_c <= set_c <= high_c"
            )
        return self


class HeatPump(Heated):
    """A heat pump that heats a building: one resistance, one capacity, COP after Staffell (2012)."""

    kw: float = given(unit="kW", gt=0)
    """Electric power."""
    sink_c: float = given(
        45.0, unit="degC", source="large radiators (data/profiles/device_ratings.yaml) [M]", ge=25, le=65
    )
    """Temperature at which it delivers."""
    loss_kw_per_k: float = given(0.15, unit="kW/K", source="0.1 to 0.25, typical, an assumption [M]", gt=0)
    """Heat loss of the building."""
    kwh_per_k: float = given(10.0, unit="kWh/K", source="5 to 20, typical, an assumption [M]", gt=0)
    """Heat capacity of the building."""
    gains_kw: float = given(0.3, unit="kW", source="3 W/m2 of people and appliances (ISO 13790), 100 m2 [M]", ge=0)
    """Heat of people and appliances."""
    set_c: float = given(20.5, unit="degC", source=JUDGEMENT)
    """Temperature that it keeps by itself."""
    low_c: float = given(19.0, unit="degC", source=JUDGEMENT)
    """Comfort: never colder."""
    high_c: float = given(22.0, unit="degC", source=JUDGEMENT)
    """Comfort: never heated above."""


class WaterHeater(Heated):
    """A water heater with a tank, which the member's persons draw from; on its mean day, so that comfort is that of the whole tank."""

    kw: float = given(1.5, unit="kW", source="tank of 100 l (data/profiles/device_ratings.yaml) [M]", gt=0)
    """Electric power."""
    heat_pump: bool = given(False, source="a heating element")
    """Whether a heat pump heats the tank, with the air outdoors."""
    litres: float = given(100.0, unit="l", source="sizes sold (data/profiles/device_ratings.yaml) [M]", gt=0)
    """Volume; it loses heat as energy class C allows at most (Regulation (EU) 814/2013)."""
    set_c: float = given(56.0, unit="degC", source="52 to 65 (data/profiles/device_ratings.yaml) [M]", le=90)
    """Temperature that it keeps by itself."""
    low_c: float = given(45.0, unit="degC", source="warm enough to mix a shower of 40 degC", ge=30)
    """Comfort: never colder."""
    high_c: float = given(65.0, unit="degC", source=JUDGEMENT, le=90)
    """Never hotter."""


class Charging(Part):
    """Cars that come and go at the same hours every day; they charge at sockets at once, or at chargers by a plan."""

    cars: int = given(1, source="one", ge=1, le=200)
    """How many."""
    kwh_per_day: float = given(7.0, unit="kWh", source="about 12 000 km a year at 0.2 kWh/km, an assumption [M]", gt=0)
    """What each takes from the plug in a day."""
    arrives_h: int = given(18, unit="h", source=JUDGEMENT, ge=0, le=23)
    """Hour at which they are plugged in."""
    leaves_h: int = given(7, unit="h", source=JUDGEMENT, ge=0, le=23)
    """Hour by which they are full; the same as ``arrives_h`` for cars that stay."""
    socket_kw: float = given(2.3, unit="kW", source="10 A at 230 V, an ordinary socket", gt=0)
    """Power of the socket they charge at without charger."""
    charger_kw: float = given(7.4, unit="kW", source="32 A at 230 V (data/profiles/device_ratings.yaml) [M]", gt=0)
    """Power of a charger."""
    existing: int = given(0, source="none", ge=0)
    """Chargers that stand already."""
    most: int | None = given(None, source="one for each car", ge=0)
    """Chargers that may be added."""

    @property
    def room(self) -> int:
        """Chargers that may be added: no more than cars without one."""
        free = max(self.cars - self.existing, 0)
        return free if self.most is None else min(self.most, free)


# --- what a technology costs -------------------------------------------------------------------------------------------------


class Technology(Part):
    """What a technology costs, for a unit of capacity (kWp, kWh, piece)."""

    capex_eur: float = given(unit="EUR", ge=0)
    """Investment."""
    opex_eur: float = given(unit="EUR/year", ge=0)
    """Operation and upkeep of a year."""
    lifetime_years: float = given(unit="years", gt=0, le=60)
    """Life."""
    unit: float = given(unit="kWp, kWh or pieces", gt=0)
    """Capacity of one unit."""
    grant_share: Share = given(0.0, unit="share", source="none")
    """Part of the investment that is granted."""
    interest: Share | None = given(None, unit="share", source="the study's")
    """Interest on its capital, where that is not the study's."""
    embodied_kg: float = given(0.0, unit="kg CO2", source="left out", ge=0)
    """Emissions of making it."""
    fade: Share = given(0.0, unit="share per year", source="none")
    """Part of its capacity that is lost each year."""


class Pv(Technology):
    """Photovoltaics, for each kWp."""

    capex_eur: float = given(1100.0, unit="EUR/kWp", source=f"900 to 1300, {TYPICAL}", ge=0)
    """Investment."""
    opex_eur: float = given(16.0, unit="EUR/kWp/year", source=f"1.5 % of the investment, {TYPICAL}", ge=0)
    """Operation and upkeep of a year."""
    lifetime_years: float = given(25.0, unit="years", source=f"20 to 25, {TYPICAL}", gt=0, le=60)
    """Life."""
    unit: float = given(0.45, unit="kWp", source=f"one module, {TYPICAL}", gt=0)
    """Capacity of one unit."""
    embodied_kg: float = given(1500.0, unit="kg CO2/kWp", source=f"order of magnitude, {TYPICAL}", ge=0)
    """Emissions of making it."""
    fade: Share = given(0.005, unit="share per year", source=TYPICAL)
    """Part of its capacity that is lost each year."""


class Battery(Technology):
    """Batteries, for each kWh."""

    capex_eur: float = given(450.0, unit="EUR/kWh", source=f"300 to 700, {TYPICAL}", ge=0)
    """Investment."""
    opex_eur: float = given(5.0, unit="EUR/kWh/year", source=f"1 to 2 % of the investment, {TYPICAL}", ge=0)
    """Operation and upkeep of a year."""
    lifetime_years: float = given(12.0, unit="years", source=f"10 to 15, {TYPICAL}", gt=0, le=60)
    """Life."""
    unit: float = given(2.5, unit="kWh", source=f"one module, {TYPICAL}", gt=0)
    """Capacity of one unit."""
    embodied_kg: float = given(75.0, unit="kg CO2/kWh", source=f"order of magnitude, {TYPICAL}", ge=0)
    """Emissions of making it."""
    fade: Share = given(0.02, unit="share per year", source=TYPICAL)
    """Part of its capacity that is lost each year."""
    kw_per_kwh: float = given(0.5, unit="kW/kWh", source=f"full in two hours, {TYPICAL}", gt=0)
    """Power for each kWh."""
    efficiency_one_way: Share = given(0.95, unit="share", source=f"round trip 0.85 to 0.92, {TYPICAL}")
    """Efficiency of charging, and of discharging."""
    usable: Share = given(0.9, unit="share", source=TYPICAL)
    """Part of the capacity that is used."""
    wear_eur_per_kwh: float = given(0.005, unit="EUR/kWh", source=JUDGEMENT, ge=0)
    """What giving a kWh costs beside the capital."""


class Piece(Technology):
    """A control, which is installed by the piece."""

    capex_eur: float = given(250.0, unit="EUR", source=f"relay, gateway and an hour of work, {TYPICAL}", ge=0)
    """Investment."""
    opex_eur: float = given(12.0, unit="EUR/year", source=f"data connection, {TYPICAL}", ge=0)
    """Operation and upkeep of a year."""
    lifetime_years: float = given(10.0, unit="years", source=TYPICAL, gt=0, le=60)
    """Life."""
    unit: float = given(1.0, unit="pieces", source="controls are not cut", ge=1, le=1)
    """Capacity of one unit."""


class Charger(Piece):
    """A charger for cars, which charges by a plan."""

    capex_eur: float = given(900.0, unit="EUR", source=f"600 to 1500 installed, {TYPICAL}", ge=0)
    """Investment."""
    opex_eur: float = given(20.0, unit="EUR/year", source=TYPICAL, ge=0)
    """Operation and upkeep of a year."""


class Technologies(Part):
    """What may be built, with its costs."""

    pv: Pv = given(Pv())
    """Photovoltaics."""
    battery: Battery = given(Battery())
    """Batteries."""
    heat_pump_control: Piece = given(Piece())
    """Controls of heat pumps."""
    water_heater_control: Piece = given(Piece())
    """Controls of water heaters."""
    charger: Charger = given(Charger())
    """Chargers for cars."""
