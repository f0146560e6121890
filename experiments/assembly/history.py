"""The days before a world begins: lived once for all runs of one process that begin with the same past.

A history is known by everything that goes into it: all that lives, with all that can be reached from it, before its first step. Two
runs of a sweep that differ in a price cap or in a clearing have the same past, and it is lived once; two that differ in one car have
not, and no rule needs to say so.
"""

import copy
import hashlib
import io
import pickle
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from types import CodeType, FunctionType, MappingProxyType, ModuleType
from typing import Any, Final, ParamSpec, TypeVar

Life = TypeVar("Life")
Given = ParamSpec("Given")
Made = TypeVar("Made")
KEPT: Final = 2
"""Histories that are kept: runs of a sweep come seed by seed. One of 200 homes and 28 days takes about 0.1 GB."""

DRAWS: Final = 2
"""What is drawn for each of them: appliances and light, hot water."""


def draw(function: Callable[Given, Made], *given: Given.args, **named: Given.kwargs) -> Made:
    """What a function makes of its arguments; as :meth:`Histories.draw` where nothing is kept."""
    return function(*given, **named)


class Histories:
    """Lives as they were at the end of their history, by what they were before it; the last ones that were asked for.

    Args:
        kept: how many.

    Attributes:
        lived: histories that were lived.
        shared: histories that had been lived before.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._ended: OrderedDict[bytes, tuple[Any, Sequence[_Place]]] = OrderedDict()
        self._drawn: OrderedDict[bytes, Any] = OrderedDict()
        self.lived = 0
        self.shared = 0

    def after(self, life: Life, constant: Sequence[Any], inputs: Any, live: Callable[[], None]) -> Life:
        """A life at the end of its history.

        Args:
            life: all that changes, as it is before.
            constant: what is in it and never changes; always the same things in the same order. No copy is made of them.
            inputs: whatever else the history depends on.
            live: lives it; changes ``life`` and nothing else.

        Returns:
            ``life``, lived; or a copy of one that began as this one and has been lived, with the constant parts of this one.
        """
        key = digest_of((life, inputs))
        known = None if key is None else self._ended.get(key)
        if key is None or known is None:
            live()
            self.lived += 1
            if key is not None:
                self._keep(key, life, constant)
            return life
        self.shared += 1
        self._ended.move_to_end(key)
        ended, places = known
        begun: Life = copy.deepcopy(ended, {id(place): one for place, one in zip(places, constant, strict=True)})
        return begun

    def draw(self, function: Callable[Given, Made], *given: Given.args, **named: Given.kwargs) -> Made:
        """What a function without side effects makes of its arguments: what people do, drawn once for runs in which they are the same.

        More is in common here than a past: with other devices the same people still cook at the same time.
        """
        key = digest_of((function, given, named))
        if key is None:
            return function(*given, **named)
        if key not in self._drawn:
            self._drawn[key] = function(*given, **named)
            while len(self._drawn) > DRAWS * self._kept:
                self._drawn.popitem(last=False)
        self._drawn.move_to_end(key)
        found: Made = copy.deepcopy(self._drawn[key])
        return found

    def _keep(self, key: bytes, life: Any, constant: Sequence[Any]) -> None:
        places = [_Place() for _ in constant]
        self._ended[key] = (
            copy.deepcopy(life, {id(one): place for one, place in zip(constant, places, strict=True)}),
            places,
        )
        while len(self._ended) > self._kept:
            self._ended.popitem(last=False)


class _Place:
    """Where a constant part belongs in a life that is kept, so that nothing of the run that lived it is."""


def digest_of(graph: Any) -> bytes | None:
    """A digest of everything that can be reached from an object: values, types, which is the same object as which, functions with what they enclose.

    Equal digests mean equal objects. Objects that were built alike in one process have equal digests, as a rule: where they have
    not (a set in another order), a history is lived that need not be. Left out is only what is worked out of the rest and kept
    (``cached_property``).

    Returns:
        32 bytes; None where something in it cannot be looked into.
    """
    digest = hashlib.blake2b(digest_size=32)
    try:
        _Pickler(_Digesting(digest), protocol=5).dump(graph)
    except (TypeError, AttributeError, pickle.PicklingError):
        return None
    return digest.digest()


class _Digesting(io.RawIOBase):
    """A file that keeps nothing of what is written but its digest."""

    def __init__(self, digest: Any) -> None:
        self._digest = digest

    def write(self, data: Any) -> int:
        """Take in some bytes."""
        self._digest.update(data)
        return memoryview(data).nbytes


class _Pickler(pickle.Pickler):
    """Writes what pickle cannot (modules, functions with what they enclose), for nobody to read; and nothing that objects can work out again."""

    def reducer_override(self, obj: Any) -> Any:
        """How an object is written; ``NotImplemented`` where pickle knows."""
        if isinstance(obj, ModuleType):
            return str, (obj.__name__,)
        if isinstance(obj, FunctionType):
            enclosed = tuple(cell.cell_contents for cell in obj.__closure__ or ())
            return str, _written(obj.__code__), (enclosed, obj.__defaults__, obj.__kwdefaults__)
        if isinstance(obj, MappingProxyType):
            return str, ("mapping",), dict(obj)
        if type(obj).__name__ == "SuperLU":  # by name: importing the class takes a fifth of a second of every command
            return str, ("factors",), (obj.L, obj.U, obj.perm_r, obj.perm_c)
        kept = _kept_names(type(obj))  # type: ignore[arg-type]  # a class can be hashed
        return _without(obj.__reduce_ex__(4), kept) if kept else NotImplemented


def _written(code: CodeType) -> tuple[Any, ...]:
    """Where a function of this process is written, and with which names and constants: code itself is another one while coverage is measured."""
    plain = tuple(one for one in code.co_consts if isinstance(one, str | bytes | int | float | None))
    return (
        code.co_filename,
        code.co_firstlineno,
        code.co_qualname,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        plain,
    )


def _without(reduced: Any, names: frozenset[str]) -> Any:
    """How pickle writes an object, less some of its attributes."""
    make, arguments, state, *rest = reduced
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    left = {name: value for name, value in (attributes or {}).items() if name not in names}
    return make, arguments, (left, slots), *rest


@lru_cache(None)
def _kept_names(kind: type) -> frozenset[str]:
    """Names under which objects of a class keep what they have worked out."""
    own = {name: value for base in kind.__mro__ for name, value in vars(base).items()}
    return frozenset(name for name, value in own.items() if isinstance(value, cached_property))
