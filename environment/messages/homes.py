"""Messages of SUC13.1, scenarios 1 and 5: households are recruited, registered, equipped and handed over to the service."""

from typing import Annotated, ClassVar

from environment.messages.base import Item, Profile, Record

Source = tuple[tuple[str, str], ...]


def _of(*items: str) -> Source:
    return tuple(("SUC13.1", item) for item in items)


PLAN_KINDS = ("solar", "technology", "flex")
"""Solar: local generation is shared; technology: a new asset with the device that controls it; flex: control of what is there."""

DEVICE_KINDS = ("ev", "battery", "water_heater", "heat_pump")
"""Kinds that the service controls."""
EV, BATTERY, WATER_HEATER, HEAT_PUMP = range(len(DEVICE_KINDS))
STORES, THERMAL = (EV, BATTERY), (WATER_HEATER, HEAT_PUMP)
"""Kinds whose state is an energy, and those whose state is a temperature."""
STATES = ("ev_kwh", "battery_kwh", "heater_c", "house_c")
"""What the devices of each kind show of themselves."""

MODES = ("automatic", "manual", "on", "off")
"""Operation modes of a device; only ``automatic`` follows orders (CI-2)."""
AUTOMATIC, MANUAL, ON, OFF = range(len(MODES))
MODE_LETTERS = "amno"
"""Modes as a cloud database writes them, a letter a device."""

CONSENTS = ("service", "control", "forecast", "flexibility", "statistics")
"""What a person may consent to; data to an installer or a service developer are a transfer of their own."""


class PilotInvitation(Record, frozen=True, kw_only=True):
    """The aggregator invites a household to a round of the pilot (the trigger of the use case)."""

    source: ClassVar[Source] = ()
    round: Annotated[str, Item("the round of recruiting")]
    plan_kinds: Annotated[tuple[str, ...], Item("kinds of plan that will be on offer")]
    new_installers: Annotated[bool, Item("installers are sought that are not registered yet")]


class FacilityDeclaration(Record, frozen=True, kw_only=True):
    """A household declares its interest and says what it has."""

    source: ClassVar[Source] = _of("N1")
    appliances: Annotated[tuple[str, ...], Item("kinds of controllable appliance", catalogue="appliances")]
    electrical_devices: Annotated[tuple[str, ...], Item("other electrical devices", catalogue="electrical_devices")]
    flexible_kw: Annotated[float, Item("rated power of the controllable appliances", ge=0)]


class AdmissionDecision(Record, frozen=True, kw_only=True):
    """Whether a household becomes a member of the pilot."""

    source: ClassVar[Source] = _of("N2")
    household: Annotated[str, Item("the site")]
    approved: Annotated[bool, Item("it is admitted", catalogue="approved")]
    reason: Annotated[str, Item("why not; empty where it is")]


class DeviceProposal(Record, frozen=True, kw_only=True):
    """Aggregator and pilot leader settle which devices of a site are worth controlling, and who installs them."""

    source: ClassVar[Source] = _of("5")
    household: Annotated[str, Item("the site")]
    plan_kind: Annotated[str, Item("kind of plan that follows", one_of=PLAN_KINDS, catalogue="plan_kind")]
    assets: Annotated[tuple[str, ...], Item("appliances concerned", catalogue="assets")]
    control_devices: Annotated[tuple[str, ...], Item("what is to be ordered", catalogue="control_devices")]
    agreed: Annotated[bool, Item("the pilot leader agrees")]
    installer: Annotated[str, Item("the installer that the pilot leader has chosen; empty before")]


class ProsumerRegistration(Record, frozen=True, kw_only=True):
    """A prosumer enters personal data and signs the terms; the account is created with it."""

    source: ClassVar[Source] = _of("4", "N3")
    email: Annotated[str, Item("address of the account", catalogue="email")]
    prosumer_id: Annotated[str, Item("id of an account that exists; empty at first", catalogue="prosumer_id")]
    personal_data: Annotated[tuple[str, ...], Item("kinds of personal data entered", catalogue="personal_data")]
    purposes: Annotated[tuple[str, ...], Item("purposes that the person consents to")]
    terms_signed: Annotated[bool, Item("terms and conditions signed", catalogue="terms_and_conditions_signed")]


class AccountConfirmation(Record, frozen=True, kw_only=True):
    """The e-mail address is tied to one prosumer id, to which all other components refer."""

    source: ClassVar[Source] = ()
    prosumer_id: Annotated[str, Item("the id", catalogue="prosumer_id")]


class PlanOffer(Record, frozen=True, kw_only=True):
    """The plans that fit the devices of a site."""

    source: ClassVar[Source] = _of("5")
    plan_kinds: Annotated[tuple[str, ...], Item("kinds on offer", catalogue="plan_kind")]
    assets: Annotated[tuple[str, ...], Item("appliances concerned", catalogue="assets")]
    control_devices: Annotated[tuple[str, ...], Item("devices that would be installed", catalogue="control_devices")]
    annual_saving_eur: Annotated[float, Item("saving that the aggregator expects", ge=0)]
    effort_share: Annotated[float, Item("control it means for the household: 0 none, 1 all devices", ge=0, le=1)]


class InstallerRegistration(Record, frozen=True, kw_only=True):
    """An installer signs its own terms and enters who works when."""

    source: ClassVar[Source] = _of("N4")
    terms_signed: Annotated[bool, Item("terms and conditions signed", catalogue="terms_and_conditions_signed")]
    employees: Annotated[int, Item("number of employees", ge=0, catalogue="employee_data")]
    company: Annotated[str, Item("name of the company", catalogue="company_data")]
    from_h: Annotated[float, Item("begin of work", ge=0, le=24, catalogue="employee_availability")]
    to_h: Annotated[float, Item("end of work", ge=0, le=24)]
    sites_per_day: Annotated[int, Item("sites that it can equip in a day", ge=0)]


class SiteDevices(Record, frozen=True, kw_only=True):
    """An installer sees which devices are meant for a site, under the prosumer's id alone (GDPR-4)."""

    source: ClassVar[Source] = _of("5")
    prosumer_id: Annotated[str, Item("the prosumer")]
    control_devices: Annotated[tuple[str, ...], Item("devices planned", catalogue="control_devices")]


class PlanApplication(Record, frozen=True, kw_only=True):
    """A prosumer applies for a plan and answers the survey on all appliances."""

    source: ClassVar[Source] = _of("5", "N5")
    plan_kind: Annotated[str, Item("plan applied for", one_of=PLAN_KINDS, catalogue="plan_kind")]
    assets: Annotated[tuple[str, ...], Item("appliances concerned", catalogue="assets")]
    control_devices: Annotated[tuple[str, ...], Item("devices to be installed", catalogue="control_devices")]
    appliances: Annotated[tuple[str, ...], Item("all appliances", catalogue="appliances")]
    characteristics: Annotated[tuple[str, ...], Item("names of the values", catalogue="appliance_characteristics")]
    values: Annotated[Profile, Item("the values, in SI-derived units of the names")]
    has_vehicle: Annotated[bool, Item("a vehicle or charger belongs to the configuration")]
    tariff: Annotated[str, Item("name of the retail tariff")]


class FinalApproval(Record, frozen=True, kw_only=True):
    """The aggregator's answer to an application after its analysis of the survey."""

    source: ClassVar[Source] = _of("N2")
    approved: Annotated[bool, Item("approved", catalogue="approved")]
    reason: Annotated[str, Item("why not; empty where it is")]


class InstallationOrder(Record, frozen=True, kw_only=True):
    """An installer receives the particulars of a client and of the devices ordered (GDPR-4: with the client's consent)."""

    source: ClassVar[Source] = _of("5", "N5")
    prosumer_id: Annotated[str, Item("the prosumer")]
    site: Annotated[str, Item("address of the household")]
    control_devices: Annotated[tuple[str, ...], Item("devices ordered", catalogue="control_devices")]
    appliances: Annotated[tuple[str, ...], Item("appliances there", catalogue="appliances")]
    engagement: Annotated[str, Item("the engagement that the handover belongs to")]


class InstallationBudget(Record, frozen=True, kw_only=True):
    """What an installer asks for a site."""

    source: ClassVar[Source] = _of("N6")
    prosumer_id: Annotated[str, Item("the prosumer")]
    budget_eur: Annotated[float, Item("price of devices and work", ge=0, catalogue="budget")]


class BudgetDecision(Record, frozen=True, kw_only=True):
    """The pilot leader approves a budget or does not."""

    source: ClassVar[Source] = _of("N6")
    prosumer_id: Annotated[str, Item("the prosumer")]
    budget_eur: Annotated[float, Item("the budget it is about", ge=0, catalogue="budget")]
    approved: Annotated[bool, Item("approved", catalogue="approved_by_pilot_leader")]
    reason: Annotated[str, Item("why not; empty where it is")]


class SiteVisit(Record, frozen=True, kw_only=True):
    """The installer has assessed a site and, where its link is good enough (CI-1), installed the devices."""

    source: ClassVar[Source] = ()
    installed: Annotated[bool, Item("the devices are in place")]
    link_share: Annotated[float, Item("quality of the communication link, 1 is perfect", ge=0, le=1)]
    reason: Annotated[str, Item("why nothing was installed; empty where it was")]


class InstallationReport(Record, frozen=True, kw_only=True):
    """What became of a site, for whoever ordered the work."""

    source: ClassVar[Source] = ()
    prosumer_id: Annotated[str, Item("the prosumer")]
    installed: Annotated[bool, Item("the devices are in place")]
    link_share: Annotated[float, Item("quality of the communication link, 1 is perfect", ge=0, le=1)]
    reason: Annotated[str, Item("why nothing was installed; empty where it was")]


class VehicleRecord(Record, frozen=True, kw_only=True):
    """A prosumer registers a vehicle: technical details, habits, and access to its cloud data where wished."""

    source: ClassVar[Source] = _of("N7")
    capacity_kwh: Annotated[float, Item("usable energy of the battery", ge=0, catalogue="technical_details")]
    charger_kw: Annotated[float, Item("charging power at home", ge=0)]
    cloud_access: Annotated[bool, Item("access given", catalogue="vehicle_cloud_credentials_optional")]
    arrival_h: Annotated[float, Item("usual arrival", ge=0, le=24, catalogue="arrival_time")]
    departure_h: Annotated[float, Item("usual departure", ge=0, le=24, catalogue="departure_time")]
    soc_at_arrival_share: Annotated[float, Item("usual state of charge then", ge=0, le=1, catalogue="soc_at_arrival")]
    soc_at_departure_share: Annotated[float, Item("wanted state of charge", ge=0, le=1, catalogue="soc_at_departure")]


class Login(Record, frozen=True, kw_only=True):
    """A consumer logs in to the aggregator's platform: before any exchange with its cloud (SI-1)."""

    source: ClassVar[Source] = _of("4")
    email: Annotated[str, Item("address of the account", catalogue="email")]
    prosumer_id: Annotated[str, Item("id of the account", catalogue="prosumer_id")]


class ServiceRecommendation(Record, frozen=True, kw_only=True):
    """Which plans of the catalogue a consumer is advised to ask for."""

    source: ClassVar[Source] = _of("5")
    plan_kinds: Annotated[tuple[str, ...], Item("kinds advised, best first", catalogue="plan_kind")]
    control_devices: Annotated[tuple[str, ...], Item("devices that go with them", catalogue="control_devices")]


class HandoverNote(Record, frozen=True, kw_only=True):
    """The installer shows a consumer what is in place now and how it is used."""

    source: ClassVar[Source] = ()
    control_devices: Annotated[tuple[str, ...], Item("devices in place")]


class ControlNotice(Record, frozen=True, kw_only=True):
    """The service tells a consumer that devices now take its orders, and between which bounds."""

    source: ClassVar[Source] = _of("3")
    devices: Annotated[tuple[str, ...], Item("devices concerned", catalogue="order")]
    modes: Annotated[tuple[str, ...], Item("their modes", catalogue="operation_mode")]
    low: Annotated[
        Profile, Item("lower bound of each: degC of thermal devices, kWh of stores", catalogue="temperature_limits")
    ]
    high: Annotated[Profile, Item("upper bound of each", catalogue="ev_charge_limits")]
