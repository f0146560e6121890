"""Balancing service provider: registers what it controls, pools it, offers it to the global market, delivers and is settled."""

from collections.abc import Mapping
from typing import ClassVar

from agents.bsp_bids import BidDesk
from agents.bsp_pool import PoolDesk
from agents.bsp_registration import RegistrationDesk
from agents.bsp_reports import ReportDesk
from agents.bsp_tests import TrialDesk
from environment.office import Desk, Office


class Bsp(Office):
    """A balancing service provider and its platform."""

    desks: ClassVar[Mapping[str, type[Desk]]] = {
        "registration": RegistrationDesk, "tests": TrialDesk, "bids": BidDesk, "pool": PoolDesk, "reports": ReportDesk,
    }  # fmt: skip
    stored = PoolDesk.stored
