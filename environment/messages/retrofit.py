"""Messages of SUC03.1: an installed water heater is made controllable; devices, test, personal data, approval."""

from typing import Annotated, ClassVar

from environment.messages.base import Item, Record

Source = tuple[tuple[str, str], ...]
RIGHTS = ("access", "rectify", "erase", "restrict")
"""What people may ask of who keeps their data (SUC03.1/GDPR-3)."""
TYPES = ("controller module", "temperature probe", "household meter")


class DeviceList(Record, frozen=True, kw_only=True):
    """The installer enters what is to be installed at a home."""

    source: ClassVar[Source] = (("SUC03.1", "N1"),)
    consumer: Annotated[str, Item("whose home it is")]
    devices: Annotated[tuple[str, ...], Item("devices to be installed", catalogue="device id")]
    types: Annotated[tuple[str, ...], Item("what each of them is", catalogue="device type")]
    household_meter: Annotated[bool, Item("a meter of the whole household is among them")]
    volume_l: Annotated[float, Item("volume on the plate of the water heater [l]", ge=1)]
    heater_kw: Annotated[float, Item("power on the plate of the water heater [kW]", ge=0)]
    ceiling_c: Annotated[float, Item("what the safety thermostat is set to [degC]", ge=0, le=100)]


class DeviceRegistration(Record, frozen=True, kw_only=True):
    """The installation app enters the devices in the system, linked to the consumer."""

    source: ClassVar[Source] = (("SUC03.1", "N2"),)
    consumer: Annotated[str, Item("whose devices they are", catalogue="consumer id")]
    devices: Annotated[tuple[str, ...], Item("devices", catalogue="device id")]
    types: Annotated[tuple[str, ...], Item("what each of them is")]
    volume_l: Annotated[float, Item("volume on the plate of the water heater [l]", ge=1)]
    heater_kw: Annotated[float, Item("power on the plate of the water heater [kW]", ge=0)]
    ceiling_c: Annotated[float, Item("what the safety thermostat is set to [degC]", ge=0, le=100)]


class Fitting(Record, frozen=True, kw_only=True):
    """The installer fits a device (again: in place of one that did not work)."""

    source: ClassVar[Source] = ()
    device: Annotated[str, Item("which device")]
    attempt: Annotated[int, Item("how often it was fitted before", ge=0)]


class ModuleHello(Record, frozen=True, kw_only=True):
    """A module that has power and a network reports which devices it sees."""

    source: ClassVar[Source] = ()
    devices: Annotated[tuple[str, ...], Item("itself and what is wired to it")]


class ConnectionQuery(Record, frozen=True, kw_only=True):
    """The app asks whether a device is connected and registered."""

    source: ClassVar[Source] = ()
    device: Annotated[str, Item("which device")]


class ConnectionStatus(Record, frozen=True, kw_only=True):
    """Whether a device is connected and registered."""

    source: ClassVar[Source] = (("SUC03.1", "N3"),)
    device: Annotated[str, Item("which device", catalogue="device id")]
    connected: Annotated[bool, Item("it has been heard of", catalogue="connected yes/no")]
    registered: Annotated[bool, Item("it is tied to a consumer", catalogue="registered yes/no")]


class FirstValue(Record, frozen=True, kw_only=True):
    """The first value that a device measures after it was fitted."""

    source: ClassVar[Source] = (("SUC03.1", "N4"),)
    device: Annotated[str, Item("which device")]
    quantity: Annotated[
        str,
        Item(
            "what it is", one_of=("temperature_c", "heater_kw", "household_kw"), catalogue="consumption, temperatures"
        ),
    ]
    value: Annotated[float, Item("the value")]


class StorageQuery(Record, frozen=True, kw_only=True):
    """The app asks whether values of a device came and are stored."""

    source: ClassVar[Source] = ()
    device: Annotated[str, Item("which device")]


class StorageStatus(Record, frozen=True, kw_only=True):
    """Whether values of a device came and are stored."""

    source: ClassVar[Source] = (("SUC03.1", "N5"),)
    device: Annotated[str, Item("which device")]
    received: Annotated[bool, Item("a value came", catalogue="values received yes/no")]
    stored: Annotated[bool, Item("it is plausible and can be read again", catalogue="values stored yes/no")]


class TestResult(Record, frozen=True, kw_only=True):
    """The app shows the installer whether the installation works, and what does not."""

    __test__ = False
    source: ClassVar[Source] = (("SUC03.1", "N3"), ("SUC03.1", "N5"))
    passed: Annotated[bool, Item("both parts of the test")]
    not_registered: Annotated[tuple[str, ...], Item("devices that are not registered")]
    not_connected: Annotated[tuple[str, ...], Item("devices that are not connected")]
    no_values: Annotated[tuple[str, ...], Item("devices whose values did not come or are not stored")]


class PersonalDataRequest(Record, frozen=True, kw_only=True):
    """The app asks the consumer for personal information, says what for, and for how long it is kept."""

    source: ClassVar[Source] = ()
    purposes: Annotated[tuple[str, ...], Item("what the data are for")]
    kept_h: Annotated[float, Item("how long personal information is kept [h]", ge=0)]
    measurements_kept_h: Annotated[float, Item("how long measurements are kept [h]", ge=0)]


class PersonalInformation(Record, frozen=True, kw_only=True):
    """A consumer's personal data, and the purposes that it agrees to."""

    source: ClassVar[Source] = (("SUC03.1", "N6"),)
    consumer: Annotated[str, Item("who it is", catalogue="personal data of the consumer")]
    persons: Annotated[int, Item("people in the household", ge=1)]
    tariff: Annotated[str, Item("retail tariff")]
    own_generation: Annotated[bool, Item("solar panels behind the meter")]
    contracted_kw: Annotated[float, Item("contracted power [kW]", ge=0)]
    purposes: Annotated[tuple[str, ...], Item("what the data may be used for")]
    services: Annotated[tuple[str, ...], Item("services that the consumer wants beside energy efficiency")]


class ApprovalRequest(Record, frozen=True, kw_only=True):
    """The app puts the approval of external control before the consumer."""

    source: ClassVar[Source] = ()
    devices: Annotated[tuple[str, ...], Item("thermal devices that would be controlled")]


class ControlApproval(Record, frozen=True, kw_only=True):
    """A consumer's signed approval of external control."""

    source: ClassVar[Source] = (("SUC03.1", "N7"),)
    consumer: Annotated[str, Item("who signs", catalogue="consumer")]
    devices: Annotated[tuple[str, ...], Item("thermal devices covered", catalogue="thermal devices covered")]
    signature: Annotated[str, Item("the signature", catalogue="signature")]
    wants_copy: Annotated[bool, Item("the consumer wants the contract on paper")]


class ApprovalRefusal(Record, frozen=True, kw_only=True):
    """A consumer does not let its devices be controlled."""

    source: ClassVar[Source] = ()
    consumer: Annotated[str, Item("who refuses")]


class ContractCopy(Record, frozen=True, kw_only=True):
    """The contract on paper."""

    source: ClassVar[Source] = (("SUC03.1", "N8"),)
    consumer: Annotated[str, Item("whose contract")]
    devices: Annotated[tuple[str, ...], Item("devices covered", catalogue="contract copy")]


class ConsentWithdrawal(Record, frozen=True, kw_only=True):
    """A consumer takes its approval back: nobody controls its devices from that second on."""

    source: ClassVar[Source] = ()
    consumer: Annotated[str, Item("who withdraws")]


class DataRequest(Record, frozen=True, kw_only=True):
    """A consumer asks to see, correct, restrict or erase its data."""

    source: ClassVar[Source] = ()
    consumer: Annotated[str, Item("whose data")]
    right: Annotated[str, Item("which right", one_of=RIGHTS)]
    persons: Annotated[int, Item("the correct number of people, where it is to be corrected", ge=0)]


class DataAnswer(Record, frozen=True, kw_only=True):
    """What became of a consumer's request, and what is kept of it."""

    source: ClassVar[Source] = ()
    right: Annotated[str, Item("which right", one_of=RIGHTS)]
    items: Annotated[tuple[str, ...], Item("what is kept, as category/key")]
    done: Annotated[bool, Item("it was done")]
