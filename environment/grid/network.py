"""Networks by name: the shipped ones, any SimBench code where that package is installed, or a user's pandapower file.

Names of shipped networks are the paths of their files under ``data/networks`` without ``.json``: ``simbench/1-LV-rural1--0-sw``,
``cigre-mv``, ``ieee-33`` and so on. Loading one of them reads one small file and imports neither pandapower nor pandas.
"""

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from environment.grid.model import Branches, Network, NetworkError, Points, Transformers, did_you_mean
from environment.grid.pandapower_import import tables_from_pandapower
from environment.grid.tables import network_from_tables

__all__ = [
    "Branches",
    "Network",
    "NetworkError",
    "Points",
    "Transformers",
    "available_networks",
    "from_pandapower",
    "load_network",
    "network_from_tables",
]

_SHIPPED: Final = Path(__file__).resolve().parents[2] / "data" / "networks"
_SIMBENCH: Final = "simbench/"
_SIMBENCH_CODE: Final = re.compile(r"[01]-.+-[012]-(sw|no_sw)")


def available_networks() -> tuple[str, ...]:
    """Names of the shipped networks, sorted; reads only the folder."""
    return tuple(sorted(path.relative_to(_SHIPPED).with_suffix("").as_posix() for path in _SHIPPED.rglob("*.json")))


def load_network(name_or_path: str | Path) -> Network:
    """The network of a name or of a file.

    Args:
        name_or_path: a shipped name, ``simbench/<code>`` of any SimBench code (needs the ``simbench`` package), or the path of a
            ``.json`` file: one saved by ``pandapower.to_json`` or one in the plain form of ``environment.grid.tables``.

    Raises:
        NetworkError: the name or file does not exist (with what exists), or the network has problems (all of them).
    """
    name = str(name_or_path)
    shipped = _SHIPPED / f"{name}.json"
    if name in available_networks():
        return network_from_tables(json.loads(shipped.read_text(encoding="utf-8")))
    if name.startswith(_SIMBENCH) and _SIMBENCH_CODE.fullmatch(name.removeprefix(_SIMBENCH)):
        return _simbench(name)
    if name.endswith(".json"):
        return _from_file(Path(name_or_path))
    sentence = did_you_mean("network", name, available_networks())
    hint = "a SimBench code is written 'simbench/<code>', an own network is the path of a pandapower .json file"
    msg = f"{sentence} ({hint})"
    raise NetworkError(msg)


def from_pandapower(net: Any, name: str = "") -> Network:
    """The network of a pandapower net.

    Args:
        net: a pandapower network.
        name: name of the result; the net's own if empty.

    Raises:
        NetworkError: with everything that is wrong or not supported.
    """
    return network_from_tables(*tables_from_pandapower(net, name))


def _from_file(path: Path) -> Network:
    if not path.is_file():
        msg = f"network file {str(path)!r} does not exist; shipped networks: {', '.join(available_networks())}"
        raise NetworkError(msg)
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        msg = f"network file {str(path)!r} is not JSON: {error}"
        raise NetworkError(msg) from error
    if not isinstance(plain, dict):
        msg = f"network file {str(path)!r} holds no network: expected a JSON object"
        raise NetworkError(msg)
    if "buses" in plain:
        return network_from_tables({"name": path.stem, **plain})
    if plain.get("_class") != "pandapowerNet":
        msg = f"network file {str(path)!r} was not saved by pandapower.to_json and has no table 'buses'"
        raise NetworkError(msg)
    import pandapower  # heavy: only for a user's own file

    return from_pandapower(pandapower.from_json(str(path)), path.stem)


def _simbench(name: str) -> Network:
    if find_spec("simbench") is None:
        shipped = ", ".join(other for other in available_networks() if other.startswith(_SIMBENCH))
        msg = (
            f"network {name!r} is not shipped and needs the simbench package: install coflex with its extra 'datagen' "
            f"(pip install 'coflex[datagen]'); shipped without it: {shipped}"
        )
        raise NetworkError(msg)
    import simbench  # heavy: parses its whole data set

    code = name.removeprefix(_SIMBENCH)
    codes = simbench.collect_all_simbench_codes()
    if code not in codes:
        raise NetworkError(did_you_mean("SimBench code", code, codes))
    return from_pandapower(simbench.get_simbench_net(code), name)
