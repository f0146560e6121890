"""Transmission system operator: keeps the topology, limits components of bids, activates, settles."""

from collections.abc import Mapping
from typing import ClassVar

from agents.tso_commercial import CommercialDesk
from agents.tso_components import ComponentDesk
from agents.tso_register import RegisterDesk
from agents.tso_settlement import SettlementDesk
from agents.tso_units import UnitDesk
from environment.office import Desk, Office


class Tso(Office):
    """The transmission system operator with technical platform and registry."""

    desks: ClassVar[Mapping[str, type[Desk]]] = {
        "topology": RegisterDesk, "components": ComponentDesk, "settlement": SettlementDesk, "units": UnitDesk, "commercial": CommercialDesk,
    }  # fmt: skip
