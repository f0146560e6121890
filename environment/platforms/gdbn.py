"""The grid data and business network (GDBN): relays dispatch notices and settlements to FSPs and keeps what settlement will need.

SUC06.2 rule 5: a notice is forwarded only to FSPs whose bids the DSO selected. SUC06.3 rule 2: baselines are kept where settlement happens.
"""

from collections.abc import Mapping
from typing import Any

from environment.messages.activation import ActivationReport, ActivationRequest
from environment.messages.base import Batch, Record
from environment.messages.procurement import BaselineDeclaration, EngagementRequest
from environment.messages.settlement import RemunerationAndPenalty, SettlementAnswer
from environment.party import Party, Seat, handles
from environment.refusals import refuse


class Gdbn(Party):
    """Platform address ``gdbn``; its settlement service is an agent of the provider, reached by copies of what is kept.

    Args:
        seat: place in the world.
        settlement: address of the settlement service.
        fsp_platforms: FSP -> address of its technical platform.
    """

    def __init__(self, seat: Seat, settlement: str, fsp_platforms: Mapping[str, str]) -> None:
        super().__init__(seat)
        self._settlement = settlement
        self._fsp_platforms = dict(fsp_platforms)
        self._engaged: set[tuple[str, str]] = set()
        self._settlers: dict[str, tuple[str, str]] = {}

    @handles(EngagementRequest)
    def keep_engagement(self, batch: Batch[EngagementRequest]) -> None:
        """Remember whom the DSO engaged for what."""
        for record in batch.records():
            self._engaged.add((record.fsp, record.contract))
            self._copy(batch, record)

    @handles(BaselineDeclaration)
    def keep_baseline(self, batch: Batch[BaselineDeclaration]) -> None:
        """Store the baseline that an FSP declares at bidding time."""
        for record in batch.records():
            self._copy(batch, record)

    @handles(ActivationRequest)
    def relay_request(self, batch: Batch[ActivationRequest]) -> None:
        """Pass a dispatch notice to the FSP that was engaged; one for anybody else stays here, on record."""
        for row, record in enumerate(batch.records()):
            reason = self._withheld(record)
            if reason:
                refuse(self, batch, row, record.activation, reason)
            else:
                self.send(record, self._fsp_platforms[record.fsp], batch.conversation, system="gdbn")
                self._copy(batch, record)

    def _withheld(self, record: ActivationRequest) -> str:
        """Why a notice is not passed on; empty if it is."""
        if (record.fsp, record.contract) not in self._engaged:
            return f"{record.fsp} was not engaged for {record.contract}"
        return "" if record.fsp in self._fsp_platforms else f"{record.fsp} has no technical platform here"

    @handles(ActivationReport)
    def keep_report(self, batch: Batch[ActivationReport]) -> None:
        """Keep the DSO's verification for settlement."""
        for record in batch.records():
            self._copy(batch, record)

    @handles(RemunerationAndPenalty)
    def relay_settlement(self, batch: Batch[RemunerationAndPenalty]) -> None:
        """SUC06.3 step 2.6: tell an FSP what the DSO worked out; one that is not known here stays, on record."""
        for row, record in enumerate(batch.records()):
            if record.fsp not in self._fsp_platforms:
                refuse(self, batch, row, record.settlement, f"{record.fsp} has no technical platform here")
                continue
            platform = self._fsp_platforms[record.fsp]
            self._settlers[record.settlement] = self.directory.names[batch.sender[row]], platform
            self.send(record, platform, batch.conversation, system="gdbn")

    @handles(SettlementAnswer)
    def relay_answer(self, batch: Batch[SettlementAnswer]) -> None:
        """Pass an FSP's answer on to whoever settled; nobody answers for another."""
        for row, record in enumerate(batch.records()):
            settler, platform = self._settlers.get(record.settlement, ("", ""))
            if self.directory.names[batch.sender[row]] == platform:
                self.send(record, settler, batch.conversation, system="gdbn")
            else:
                refuse(self, batch, row, record.settlement, "no such settlement was passed on to the sender")

    def _copy(self, batch: Batch[Any], record: Record) -> None:
        self.send(record, self._settlement, batch.conversation, system="gdbn")
