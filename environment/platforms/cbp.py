"""The Crowd Balancing Platform: the one way between system operators and balancing service providers; it relays, stores, authenticates, decides nothing."""

from collections.abc import Mapping
from typing import ClassVar

from environment.office import Desk, Office
from environment.platforms.cbp_market import MarketDesk
from environment.platforms.cbp_relay import RelayDesk


class Cbp(Office):
    """The platform."""

    desks: ClassVar[Mapping[str, type[Desk]]] = {"relay": RelayDesk, "market": MarketDesk}
