"""Units, signs and names: stated once, here.

===========  ==========================  ============================================================
quantity     unit, suffix of the name    sign
===========  ==========================  ============================================================
time         ms inside, ``_ms``;         since the start of the world (the calendar knows its instant);
             s in the public API, ``_s``  history is negative
power        kW, ``_kw``                 net load: positive when the grid delivers (consumption),
                                         negative when the grid receives (injection)
reactive     kvar, ``_kvar``             positive when inductive load consumes
energy       kWh, ``_kwh``               as power
money        EUR, ``_eur``               positive from debtor to creditor
price        EUR/kWh, ``_eur_per_kwh``
voltage      per unit, ``_pu``           of the nominal voltage of the bus
temperature  degC, ``_c``
irradiance   W/m2, ``_wm2``
flow         m3/s, ``_m3s``
share        fraction of one             ``_share``; ``_percent`` only where the field does so
===========  ==========================  ============================================================

Flexibility *up*: the grid sees less net load (less consumption, more generation); *down*: more net load.
A delivered amount is therefore ``sign * (baseline - metered)`` with ``sign`` = +1 up, -1 down (SUC06.3 rule 1).
Tables of the grid library keep their own units (MW, kV, kA) inside ``environment.grid``.
"""

from typing import Final, Literal

MS_PER_S: Final = 1_000
MS_PER_H: Final = 3_600_000
MS_PER_DAY: Final = 86_400_000
S_PER_H: Final = 3_600
KW_PER_MW: Final = 1_000.0

Direction = Literal["up", "down"]


def ms(seconds: float) -> int:
    """Milliseconds of a time in seconds, rounded to the nearest integer."""
    return round(seconds * MS_PER_S)


def seconds(time_ms: int) -> float:
    """Seconds of a time in milliseconds."""
    return time_ms / MS_PER_S


def sign(direction: Direction) -> float:
    """+1 for flexibility up (less net load), -1 for down (more net load)."""
    return 1.0 if direction == "up" else -1.0
