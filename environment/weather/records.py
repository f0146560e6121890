"""What weather is here: a place, the means of each step, and the error that refuses a bad source."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from data.arrays import F64

STEP_15_MIN_MS = 900_000


class WeatherError(ValueError):
    """A weather source that cannot be used; the message names the file, the row or column, and the way out."""


class Weather(NamedTuple):
    """Means over each step of a timeline, all of shape (T,).

    Attributes:
        temp_c: air temperature [degC].
        ghi_wm2: global horizontal irradiance [W/m2].
        dni_wm2: direct normal irradiance [W/m2].
        dhi_wm2: diffuse horizontal irradiance [W/m2].
        wind_ms: wind speed near the ground [m/s].
    """

    temp_c: F64
    ghi_wm2: F64
    dni_wm2: F64
    dhi_wm2: F64
    wind_ms: F64


class Place(Protocol):
    """Where the weather is asked for; the ``place`` of a scenario is one."""

    @property
    def city(self) -> str:
        """Name of the place."""

    @property
    def latitude(self) -> float:
        """Degrees north."""

    @property
    def longitude(self) -> float:
        """Degrees east."""

    @property
    def altitude_m(self) -> float:
        """Height above sea level [m]."""

    @property
    def weather(self) -> str:
        """``nsrdb-2019``, ``generated``, or the path of a file."""

    @property
    def irradiance_scale(self) -> float:
        """Factor on all irradiance."""


@dataclass(frozen=True)
class Site:
    """A place, written down."""

    city: str
    latitude: float
    longitude: float
    altitude_m: float = 0.0
    weather: str = "nsrdb-2019"
    irradiance_scale: float = 1.0
