"""The Flexibility Register: the database of points, pools and lights that all parties share, each as far as it concerns him."""

from collections.abc import Mapping
from typing import ClassVar

from agents.register_entries import EntriesDesk
from environment.office import Desk, Office
from environment.platforms.measurement_desk import MeasurementDesk


class FlexibilityRegister(Office):
    """The register, a module of the Crowd Balancing Platform."""

    desks: ClassVar[Mapping[str, type[Desk]]] = {"entries": EntriesDesk, "measurements": MeasurementDesk}
