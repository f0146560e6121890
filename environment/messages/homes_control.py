"""Messages of SUC13.1 about control: plans, references and orders to devices, settings that are carried to them, warnings of meters."""

from typing import Annotated, ClassVar

from environment.messages.base import Item, Profile, Record
from environment.messages.homes import DEVICE_KINDS, MODES

Source = tuple[tuple[str, str], ...]


def _of(*items: str) -> Source:
    return tuple(("SUC13.1", item) for item in items)


PURPOSES = ("efficiency", "temperature", "peak", "surplus", "flexibility", "settings")
"""Why a device gets an order; all but ``settings`` are for devices in automatic mode alone."""

MARKET = "market"
"""Stands for the portfolio in the plan that an offer departs from (step 10.3)."""


class OptimisationResult(Record, frozen=True, kw_only=True):
    """The plan of a household, or of the portfolio (household empty, or ``MARKET``): the reference of this quarter and what is to come."""

    source: ClassVar[Source] = _of("N10")
    household: Annotated[str, Item("household by its prosumer id; empty for the portfolio")]
    quarter_ms: Annotated[int, Item("start of the quarter of an hour it is made in", catalogue="quarter_hour")]
    step_s: Annotated[float, Item("length of a step", ge=1)]
    reference_kw: Annotated[float, Item("power of the controlled devices in this quarter", catalogue="power_reference")]
    net_kw: Annotated[Profile, Item("planned net load", catalogue="consumption_plan")]
    cost_eur: Annotated[float, Item("cost of the plan", catalogue="efficiency_insights")]
    solved: Annotated[int, Item("households that were solved again", ge=0)]
    devices: Annotated[tuple[str, ...], Item("devices that get a reference, by prosumer id and kind")]
    references_kw: Annotated[
        Profile, Item("the reference of each of them; one 0 where there is none", catalogue="power_reference")
    ]
    contracted_kw: Annotated[
        float, Item("contracted power that a household's plan keeps to; summed of the portfolio", ge=0)
    ]
    saved_eur: Annotated[
        float, Item("cost of the devices by their own controls less cost of the plan, until the end of the local day")
    ]
    displays: Annotated[
        int,
        Item("interfaces opened by households that consent to statistics since told before; 0 of a household", ge=0),
    ] = 0
    called_kwh: Annotated[float, Item("energy of calls that ended since told before; 0 of a household", ge=0)] = 0.0
    delivered_kwh: Annotated[
        float, Item("what meters showed of it, a call at most what was called; 0 of a household", ge=0)
    ] = 0.0
    earned_eur: Annotated[float, Item("invoiced for flexibility since told before; 0 of a household", ge=0)] = 0.0


class PowerReference(Record, frozen=True, kw_only=True):
    """The result of the current quarter of an hour for one device; its own control algorithm decides whether it consumes."""

    source: ClassVar[Source] = _of("3")
    kind: Annotated[str, Item("which device", one_of=DEVICE_KINDS)]
    quarter_ms: Annotated[int, Item("start of the quarter of an hour")]
    power_kw: Annotated[float, Item("power to follow", catalogue="power_reference")]
    low: Annotated[float, Item("lower limit: degC, or kWh of a store", catalogue="temperature_limits")]
    high: Annotated[float, Item("upper limit", catalogue="ev_charge_limits")]


class DeviceOrder(Record, frozen=True, kw_only=True):
    """An order to one device within the quarter of an hour: mode, action and power, and what it is for."""

    source: ClassVar[Source] = _of("3")
    kind: Annotated[str, Item("which device", one_of=DEVICE_KINDS)]
    purpose: Annotated[str, Item("why", one_of=PURPOSES, catalogue="order")]
    mode: Annotated[str, Item("mode of the device as the cloud has it", one_of=MODES, catalogue="operation_mode")]
    action: Annotated[str, Item("what to do", one_of=("on", "off", "follow"), catalogue="on_off_action")]
    power_kw: Annotated[float, Item("power to follow", catalogue="power_reference")]
    until_ms: Annotated[int, Item("end of the order")]
    low: Annotated[float, Item("lower limit: degC, or kWh of a store", catalogue="temperature_limits")]
    high: Annotated[float, Item("upper limit", catalogue="ev_charge_limits")]


class LimitWarning(Record, frozen=True, kw_only=True):
    """A meter tells at once that power is near the contract, or is fed into the grid."""

    source: ClassVar[Source] = ()
    net_kw: Annotated[float, Item("net load at the instant")]


class SettingsNotice(Record, frozen=True, kw_only=True):
    """The cloud database tells the service developer that a household's settings are others now."""

    source: ClassVar[Source] = ()
    household: Annotated[str, Item("address of the household")]
    modes: Annotated[tuple[str, ...], Item("mode of each device kind, in their order")]
    tank_c: Annotated[float, Item("temperature reference of the tank")]
    room_c: Annotated[float, Item("temperature reference of the rooms")]
    room_width_k: Annotated[float, Item("how far the rooms may leave it", ge=0)]
    soc_share: Annotated[float, Item("state of charge wanted of the car", ge=0, le=1)]
