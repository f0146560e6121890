"""Model and Agent of Mesa, without the rest of its package until somebody asks for it.

``import mesa`` loads its spaces, its data collector and its batch runner, and with them pandas, networkx and half of scipy: about a
second in every process that lives a world, which needs none of them. So the package's ``__init__`` is run when something of it is first
asked for; the two classes are taken from their own modules, and are the same for whoever imports ``mesa`` as usual.
"""

import sys
from importlib.util import find_spec, module_from_spec
from typing import Any

__all__ = ["Agent", "Model"]


def _put_off(name: str) -> None:
    """Let a package be there with its path, its ``__init__`` put off until the first attribute that is not a module of it."""
    spec = find_spec(name)
    if spec is None or spec.loader is None:
        return  # the import below says what is missing
    package, loader = module_from_spec(spec), spec.loader

    def whole(attribute: str) -> Any:
        del vars(package)["__getattr__"]
        loader.exec_module(package)
        return getattr(package, attribute)

    vars(package)["__getattr__"] = whole
    sys.modules[name] = package


if "mesa" not in sys.modules:
    _put_off("mesa")

from mesa.agent import Agent  # noqa: E402
from mesa.model import Model  # noqa: E402
