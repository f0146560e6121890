"""What a scenario says about retrofitted water heaters: installation, service, what goes wrong, what changes."""

from typing import Literal

from experiments.scenario.fields import JUDGEMENT, Part, Share, given

SUC1, SUC2 = "SUC03.1", "SUC03.2"


class Installation(Part):
    """Visits that make installed water heaters controllable (SUC03.1)."""

    installer: str = given("installer-1", source="a name")
    """Name of the installer."""
    trained: bool = given(True, source=f"{SUC1} rule 4: the installer must be trained beforehand")
    """Whether the installer was trained."""
    visits_per_day: int = given(
        10, unit="1/d", source="judgement: two teams, an hour and a half a visit with the way", ge=1, le=10_000
    )
    """Visits a day, one after the other from eight o'clock to six."""
    two_probes: Share = given(
        0.6, unit="share", source=f"{SUC2} rule 3: one or more temperatures; the share is a judgement"
    )
    """Share of the homes with a second probe at the outlet."""
    household_meter: Share = given(0.7, unit="share", source=f"{SUC1} rule 5: optional; the share is a judgement")
    """Share of the homes where a meter of the whole household is fitted."""
    coverage_4g: Share = given(0.97, unit="share", source=f"{SUC1} conditions; the share is a judgement")
    """Share of the water heaters that stand where there is 4G coverage."""
    own_clock: Share = given(
        0.04, unit="share", source=f"{SUC1} conditions: no exclusive night clock; the share is a judgement"
    )
    """Share of the water heaters on which another control acts."""
    recruited: Share = given(0.95, unit="share", source=f"{SUC1} conditions; the share is a judgement")
    """Share of the homes whose people were recruited."""
    hard_copy: Share = given(0.3, unit="share", source=f"{SUC1} rule 9: optional; the share is a judgement")
    """Share of the people who want their contract on paper."""
    dead_radio: Share = given(0.06, unit="share", source=JUDGEMENT)
    """Share of the modules without network when fitted, each time anew."""
    mute_probe: Share = given(0.06, unit="share", source=JUDGEMENT)
    """Share of the probes that show nothing when fitted, each time anew."""
    forgotten: Share = given(0.04, unit="share", source=JUDGEMENT)
    """Share of the devices that are not entered in the app, each time anew."""
    attempts: int = given(2, source="judgement: one repair within the visit", ge=1, le=10)
    """How often an installation is tried before the home is left as it was."""


class Change(Part):
    """Something that changes for some homes on a day of the run, for good or for some days."""

    day: int = given(unit="d", ge=1, le=366)
    """Day of the run on which it begins, the first is 1."""
    days: int = given(366, unit="d", source="for good", ge=1, le=366)
    """How long it lasts."""
    share: Share = given(unit="share")
    """Share of the homes."""
    losses: float = given(1.0, unit="multiple", source="as it was", gt=0.1, le=10)
    """Heat losses of the tanks (insulation removed or added)."""
    needs: float = given(1.0, unit="multiple", source="as it was", ge=0, le=10)
    """Hot water that people draw (habits, guests, holidays)."""
    offline: bool = given(False, source="online unless said")
    """Whether the controller modules lose their network."""


class Request(Part):
    """People ask for what the law gives them (SUC03.1/GDPR-3)."""

    day: int = given(unit="d", ge=1, le=366)
    """Day of the run."""
    right: Literal["access", "rectify", "restrict", "erase"]
    """See, correct, restrict or erase the own data."""
    share: Share = given(unit="share")
    """Share of the homes."""


class Wanted(Part):
    """Services that customers want beside energy efficiency, as shares of the homes; each needs what SUC03.2 rule 13 says."""

    self_consumption: Share = given(0.6, unit="share", source=JUDGEMENT)
    """Heating at sunny hours; needs own PV and a household meter (panels that homes share are a community's)."""
    peak_shaving: Share = given(0.4, unit="share", source=JUDGEMENT)
    """Heating within the household's power limit; needs a household meter."""
    tariff: Share = given(0.7, unit="share", source=JUDGEMENT)
    """Heating at cheap hours; needs the customer's tariff."""


class Heaters(Part):
    """Water heaters that are retrofitted, learned and controlled (SUC03.1, SUC03.2)."""

    operator: str = given("fsp-heat", source="a name")
    """Flexibility services provider that runs the EMS."""
    installation: Installation = given(Installation())
    """The visits."""
    training_days: int = given(14, unit="d", source=f"two weeks; {SUC2} states no time", ge=1, le=60)
    """Days of measurements before a water heater is controlled."""
    trains_every_min: int = given(60, unit="min", source=JUDGEMENT, ge=15, le=240)
    """Time between two reports of a module in training."""
    reports_every_min: int = given(15, unit="min", source="metering period of European smart meters", ge=15, le=60)
    """Time between two reports, and two commands, in operation."""
    plans_every_h: int = given(6, unit="h", source=JUDGEMENT, ge=1, le=24)
    """Time between two optimisations; in between, the policy answers what is measured."""
    horizon_h: int = given(24, unit="h", source="a day of prices and draws", ge=6, le=72)
    """How far ahead an optimisation looks."""
    command_intervals: int = given(2, source="judgement: one lost command does no harm", ge=1, le=16)
    """Intervals for which a command holds; after that the thermostat is alone again."""
    comfort_c: float = given(40.0, unit="degC", source="minimum of Reg. (EU) 814/2013 for mixed water", ge=35, le=55)
    """Temperature that water must have at the outlet when people draw."""
    hygiene_c: float = given(
        60.0, unit="degC", source="weekly 60 degC against legionella (assumption of the domain methods)", ge=50, le=70
    )
    """Temperature that the tank must reach from time to time."""
    hygiene_days: float = given(7.0, unit="d", source="as hygiene_c", ge=2, le=60)
    """At least once in so many days."""
    reserve_quantile: Share = given(0.97, unit="share", source=JUDGEMENT)
    """Share of the learned days on which the reserve of hot water suffices."""
    room_c: float = given(20.0, unit="degC", source="test room of EN 60379", ge=5, le=35)
    """Temperature that the EMS assumes of every room with a tank."""
    memory_days: float = given(7.0, unit="d", source=JUDGEMENT, ge=1, le=60)
    """After so many days a measurement counts 1/e."""
    peak_limit: Share = given(0.9, unit="share", source=f"{SUC2} rule 11: a parameter; the share is a judgement")
    """Power limit of a household with peak shaving, as a share of its contracted power."""
    probe_noise_k: float = given(
        0.1, unit="K", source="class A sensor, IEC 60751: 0.15 K + 0.002 T as a bound", ge=0, le=5
    )
    """Standard deviation of a probe."""
    personal_days: float = given(730.0, unit="d", source="judgement: two years", ge=1, le=36_500)
    """How long personal information is kept."""
    measurement_days: float = given(365.0, unit="d", source="judgement: one year", ge=1, le=36_500)
    """How long measurements are kept."""
    services: Wanted = given(Wanted())
    """What customers want."""
    changes: tuple[Change, ...] = given((), source="none")
    """What changes on the way."""
    requests: tuple[Request, ...] = given((), source="none")
    """What people ask for of their data."""
