"""Messages of SUC03.2: thermal loads are measured, learned, and switched on and off."""

from typing import Annotated, ClassVar

from environment.messages.base import Item, Profile, Record

Source = tuple[tuple[str, str], ...]


class MonitoringOrder(Record, frozen=True, kw_only=True):
    """The EMS tells a controller module how often it wants to hear from it."""

    source: ClassVar[Source] = ()
    every_s: Annotated[float, Item("time between two reports", ge=1)]
    household: Annotated[bool, Item("the household meter is read too")]
    until_ms: Annotated[int, Item("end")]


class Intervals(Record, frozen=True, kw_only=True):
    """A series of equal intervals; what readings and commands have in common."""

    from_ms: Annotated[int, Item("start of the first interval")]
    step_s: Annotated[float, Item("length of an interval", ge=1)]


class TankMeasurements(Intervals, frozen=True, kw_only=True):
    """What probes and meter of a water heater show, as read and as sent on."""

    tank_c: Annotated[
        Profile, Item("mean of the probes at the end of the interval [degC]", catalogue="tank temperature(s)")
    ]
    outlet_c: Annotated[
        Profile, Item("upper probe; the mean where there is one probe [degC]", catalogue="tank temperature(s)")
    ]
    two_probes: Annotated[bool, Item("there are two probes")]
    heater_kwh: Annotated[
        Profile, Item("electricity taken [kWh]", ge=0, catalogue="consumption from the water heater meter")
    ]


class TankReading(TankMeasurements, frozen=True, kw_only=True):
    """What a water heater's probes, meter and relay show, interval by interval."""

    source: ClassVar[Source] = (("SUC03.2", "1"), ("SUC03.2", "2"), ("SUC03.2", "3"))
    online: Annotated[bool, Item("the water heater has power", catalogue="water heater online/offline")]


class HouseholdReading(Intervals, frozen=True, kw_only=True):
    """What the meter of the whole household shows, the water heater included."""

    source: ClassVar[Source] = (("SUC03.2", "4"),)
    net_kw: Annotated[
        Profile, Item("mean net load, positive when consuming [kW]", catalogue="consumption from the household meter")
    ]


class LoadTelemetry(TankMeasurements, frozen=True, kw_only=True):
    """What a controller module sends of what it read, cleaned."""

    source: ClassVar[Source] = (("SUC03.2", "1"), ("SUC03.2", "2"), ("SUC03.2", "3"), ("SUC03.2", "4"))
    heater_online: Annotated[bool, Item("the water heater has power", catalogue="water heater online/offline")]
    module_online: Annotated[
        bool, Item("the module obeys commands: automatic mode", catalogue="controller module online/offline")
    ]
    household: Annotated[bool, Item("the household was read")]
    household_kw: Annotated[
        Profile,
        Item("mean net load of the household, 0 where not read [kW]", catalogue="consumption from the household meter"),
    ]


class SwitchCommand(Intervals, frozen=True, kw_only=True):
    """On or off, for as many intervals as it has values; after that the water heater is its thermostat's again."""

    source: ClassVar[Source] = (("SUC03.2", "5"),)
    on: Annotated[Profile, Item("1 on, 0 off", ge=0, catalogue="ON or OFF")]
