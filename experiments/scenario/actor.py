"""A party that a scenario names."""

from typing import Any

from pydantic import model_validator

from experiments.scenario.fields import Part, given

NAME = r"^[a-z][a-z0-9-]*$"


def _bare(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class Actor(Part):
    """A party; its name alone is enough."""

    name: str = given(source="a name", pattern=NAME)
    """Name, also its address."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return _bare(value)
