"""Devices in arrays: kinds, fleets, set-points.

A kind is a module (``environment.devices.kind`` says what it offers), a fleet holds the columns of all owners of one kind.
"""

from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from environment.devices.kind import DeviceKind

DEVICES: dict[str, str] = {
    "load": "environment.devices.load",
    "pv": "environment.devices.pv",
    "mv_plant": "environment.devices.mv_plant",
    "battery": "environment.devices.battery",
    "ev": "environment.devices.ev",
    "heat_pump": "environment.devices.heat_pump",
    "water_heater": "environment.devices.water_heater",
    "stratified_heater": "environment.devices.stratified_heater",
}
"""Name of a kind -> its module, imported on use. A new kind is one module and one line here."""


def device_kind(name: str) -> "DeviceKind":
    """The kind of that name.

    Raises:
        KeyError: nothing has that name; the text lists what exists.
    """
    if name not in DEVICES:
        near = get_close_matches(name, DEVICES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        msg = f"no device kind {name!r}{hint} There are: {', '.join(sorted(DEVICES))}"
        raise KeyError(msg)
    return cast("DeviceKind", import_module(DEVICES[name]))
