"""The small types a scenario is written with: shares, times of day, moments, delays; each reads what people write.

Every type accepts its own text again, so that a scenario written out in full reads as the same scenario.
"""

import ast
import re
import sys
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NoReturn, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_serializer, model_validator
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from environment.calendar import Calendar

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_DAYS_BEFORE = {"": 1, "the day before": 1, "on the day": 0, "that day": 0}
JUDGEMENT = "judgement"


class Part(BaseModel):
    """A frozen piece of a scenario: unknown keys are refused, the string under a field is its documentation.

    What pydantic has for such strings (``use_attribute_docstrings``) goes through all modules for each class, which took half of the time in which the
    schema was loaded; here a file is read once. A class is built when it first reads something, so that it knows its strings by then.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", str_strip_whitespace=True, defer_build=True, allow_inf_nan=False
    )
    called: ClassVar[str] = "section"

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Give the fields of a new class the strings under them."""
        super().__pydantic_init_subclass__(**kwargs)
        for name, text in strings_under(cls.__module__).get(cls.__qualname__, {}).items():
            if name in cls.model_fields and cls.model_fields[name].description is None:
                cls.model_fields[name].description = text


@lru_cache(maxsize=128)
def strings_under(module: str) -> Mapping[str, Mapping[str, str]]:
    """The string under each annotated name of each class of a module; nothing where there is no source."""
    file = getattr(sys.modules.get(module), "__file__", None)
    try:
        tree = ast.parse(Path(str(file)).read_text("utf-8"))
    except (OSError, SyntaxError):
        return {}
    return dict(_of_classes(tree, ""))


def _of_classes(body: ast.Module | ast.ClassDef, inside: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    for one in body.body:
        if isinstance(one, ast.ClassDef):
            yield f"{inside}{one.name}", dict(_under(one))
            yield from _of_classes(one, f"{inside}{one.name}.")


def _under(one: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for name, below in zip(one.body, one.body[1:], strict=False):
        if not (isinstance(name, ast.AnnAssign) and isinstance(name.target, ast.Name) and isinstance(below, ast.Expr)):
            continue
        if isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            yield name.target.id, cleandoc(below.value.value)


def given(default: Any = ..., *, unit: str = "", source: str = "", **constraints: Any) -> Any:
    """A field with its default, its unit and the source of the default.

    Args:
        default: the value when the scenario says nothing; none at all makes the key obligatory.
        unit: unit of the value, as printed in the reference.
        source: where the default comes from: a use-case id, a document, or a judgement called so.
        constraints: what pydantic's ``Field`` understands (``gt``, ``ge``, ``le``, ``alias``, ``default_factory``).
    """
    extra: dict[str, Any] = {"unit": unit, "source": source}
    if "default_factory" in constraints:
        return Field(json_schema_extra=extra, **constraints)
    return Field(default, json_schema_extra=extra, **constraints)


def refuse(text: str) -> NoReturn:
    """Refuse a value with a sentence that says the way out."""
    kind = "refused"
    raise PydanticCustomError(kind, "{text}", {"text": text})


def read_share(value: object) -> object:
    """A share of one, written ``60%`` or ``0.6``."""
    text = str(value).strip()
    try:
        share = float(text[:-1]) / 100.0 if text.endswith("%") else float(text)
    except ValueError:
        refuse(f"'{value}' is not a share; write for example 60% or 0.6")
    if isinstance(value, bool) or not 0.0 <= share <= 1.0:
        refuse(f"'{value}' {_share_hint(text)}")
    return share


def _share_hint(text: str) -> str:
    plain = re.fullmatch(r"\d{1,3}(\.\d+)?", text)
    if plain and float(text) <= 100.0:
        return f"is not a share; write {text}% or {float(text) / 100.0:g}"
    return "is not a share; a share lies between 0% and 100%, that is between 0 and 1"


def _percent(share: float) -> str:
    return f"{round(100.0 * share, 10):g}%"


Share = Annotated[float, BeforeValidator(read_share), PlainSerializer(lambda share: share, return_type=float)]
"""A share of one. Written ``60%`` or ``0.6``."""


def read_clock(text: str) -> time:
    """A time of day written ``18:40``.

    Raises:
        ValueError: the text is no time of day.
    """
    match = _CLOCK.fullmatch(text.strip())
    if not match:
        msg = f"'{text}' is not a time of day; write for example 18:40"
        raise ValueError(msg)
    return time(int(match[1]), int(match[2]))


class Phrase(Part):
    """A piece that a file gives as one phrase; ``str`` of it is read back as the same."""

    @classmethod
    @abstractmethod
    def read(cls, value: str) -> dict[str, object]:
        """The fields of what people write; refuses what it cannot read."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        return cls.read(value) if isinstance(value, str) else value

    @model_serializer
    def _write(self) -> str:
        return str(self)


class DayTime(Phrase):
    """A time of day relative to a day of delivery, written ``13:00 the day before`` or ``08:00 on the day``."""

    days_before: int = Field(ge=0, le=7)
    """Whole days before the day of delivery."""
    clock: time
    """Local wall-clock time."""

    @classmethod
    def read(cls, value: str) -> dict[str, object]:
        """The fields of what people write."""
        words = re.sub(r"^at\s+", "", value.strip())
        match = re.fullmatch(r"(\d{1,2}:\d{2})\s*(.*)", words)
        before = re.fullmatch(r"(\d) days before", match[2]) if match else None
        if not match or not (before or match[2] in _DAYS_BEFORE) or not _CLOCK.fullmatch(match[1]):
            refuse(f"'{value}' is not a time before delivery; write for example 13:00 the day before")
        return {"days_before": int(before[1]) if before else _DAYS_BEFORE[match[2]], "clock": read_clock(match[1])}

    def __str__(self) -> str:
        words = {0: "on the day", 1: "the day before"}.get(self.days_before, f"{self.days_before} days before")
        return f"{self.clock:%H:%M} {words}"

    def before(self, other: "DayTime") -> bool:
        """Whether this time comes first, for the same day of delivery."""
        return (-self.days_before, self.clock) < (-other.days_before, other.clock)

    def seconds_to(self, other: "DayTime") -> float:
        """Seconds by the wall clock from this time to another for the same day of delivery; below 0 if the other comes first."""
        here, there = (
            datetime.combine(date.min + timedelta(days=99 - one.days_before), one.clock) for one in (self, other)
        )
        return (there - here).total_seconds()

    def on(self, calendar: "Calendar", delivery: date) -> int:
        """The instant [ms since the world's start] for one day of delivery."""
        return calendar.on(delivery - timedelta(days=self.days_before), self.clock)


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


class Moment(Phrase):
    """An instant of the run: ``18:40`` (first delivery day), ``day 2 18:40`` or ``2016-01-20 18:40``, local time."""

    day: int | date
    """Delivery day (1 is the first, 0 the day before) or a date."""
    clock: time
    """Local wall-clock time."""

    @classmethod
    def read(cls, value: str) -> dict[str, object]:
        """The fields of what people write."""
        match = re.fullmatch(r"(?:day (\d{1,4}) |((?:19|20|21)\d\d-\d\d-\d\d)[ T])?(\d\d?:\d\d)(?::00)?", value.strip())
        if not match or not _CLOCK.fullmatch(match[3]) or (match[2] and not _is_date(match[2])):
            refuse(f"'{value}' is not a moment; write 18:40, day 2 18:40 or 2016-01-20 18:40")
        day: int | str = match[2] or int(match[1] or 1)
        return {"day": day, "clock": read_clock(match[3])}

    def __str__(self) -> str:
        day = f"{self.day:%Y-%m-%d}" if isinstance(self.day, date) else f"day {self.day}"
        return f"{day} {self.clock:%H:%M}"

    def local(self, first_day: date) -> datetime:
        """The local wall-clock time, given the first day of delivery."""
        day = self.day if isinstance(self.day, date) else first_day + timedelta(days=self.day - 1)
        return datetime.combine(day, self.clock)

    def at(self, calendar: "Calendar", first_day: date) -> int:
        """The instant [ms since the world's start]."""
        return calendar.at(self.local(first_day))


class Delay(Part):
    """How long a message takes [s]: ``{constant: 1}``, ``{uniform: [1, 2]}`` or ``{lognormal: [1.5, 4]}``."""

    constant: float | None = Field(None, ge=0.001)
    """Always the same [s]; 0.001 is the least a message can take."""
    uniform: tuple[float, float] | None = None
    """Between two values [s]."""
    lognormal: tuple[float, float] | None = None
    """Median [s], and the time that 95 of 100 messages stay below [s]."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        return {"constant": value} if isinstance(value, int | float) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if sum(part is not None for part in (self.constant, self.uniform, self.lognormal)) != 1:
            refuse("say exactly one of constant, uniform: [from, to], lognormal: [median, most]")
        if self.uniform and not 0.001 <= self.uniform[0] <= self.uniform[1]:
            refuse("uniform: [from, to] needs 0.001 <= from <= to, in seconds")
        if self.lognormal and not 0.001 <= self.lognormal[0] <= self.lognormal[1]:
            refuse("lognormal: [median, most] needs 0.001 <= median <= most, in seconds")
        return self

    @model_serializer
    def _write(self) -> dict[str, Any]:
        kind = self.kind
        value = getattr(self, kind)
        return {kind: list(value) if isinstance(value, tuple) else value}

    @property
    def kind(self) -> str:
        """``constant``, ``uniform`` or ``lognormal``."""
        return next(kind for kind in ("constant", "uniform", "lognormal") if getattr(self, kind) is not None)

    @property
    def parameters(self) -> tuple[float, ...]:
        """(value,), (from, to) or (median, 95 % below), in seconds."""
        value = getattr(self, self.kind)
        return value if isinstance(value, tuple) else (float(value),)


def shares_of(*, default: str) -> Callable[[object], object]:
    """A validator for shares by name that also takes one name: ``fsp-sol`` means ``{fsp-sol: 100%}``."""

    def read(value: object) -> object:
        if value is None:
            return {default: 1.0}
        return {value: 1.0} if isinstance(value, str) else value

    return read


def check_whole(shares: dict[str, float]) -> dict[str, float]:
    """Shares by name, which must make a whole."""
    total = sum(shares.values())
    if abs(total - 1.0) > 1e-6:
        text = f"the shares sum to {_percent(total)}, not to 100%; name who has the rest"
        refuse(text)
    return shares
