"""A run that is looked at."""

from dataclasses import dataclass

from dashboard.shelf import STUDY
from experiments.results import Run


@dataclass(frozen=True)
class Shown:
    """A run that is looked at: its name, its colour, and the run itself."""

    name: str
    colour: str
    run: Run

    @property
    def title(self) -> str:
        """The headline of its scenario."""
        return str(self.run.meta.get("scenario", {}).get("title") or self.run.meta.get("name") or "")

    @property
    def is_study(self) -> bool:
        """Whether it is a sizing study of a community, and no simulated day."""
        return self.run.meta.get("kind") == STUDY
