"""SUC01.1, the people: the EC manager, who starts a study, and the members, who own their data and consent to their use or do not.

Both take part through the integration microservice: they stand in no row of the step table.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from environment.messages.base import Batch
from environment.messages.sizing import (
    MemberData,
    MemberDataRequest,
    MemberReport,
    StudyOrder,
    StudyRefusal,
    StudyReport,
)
from environment.party import Party, Process, Seat, handles

SUC, SCENARIO = "SUC01.1", "1"
PLATFORM = "ec-management-platform"
INTEGRATION = "integration-microservice"
PREPARATION, SIZING = "scenario-preparation-microservice", "der-sizing-microservice"
HOUR_S = 3600.0
"""How long a party of a study waits for answers."""


class EcManager(Party):
    """The EC manager, on its platform: opens the study and hears what came of it."""

    def __init__(self, seat: Seat, study: str, integration: str) -> None:
        super().__init__(seat)
        self.study = study
        self.integration = integration
        self.refused = ""

    def processes(self) -> list[Process]:
        """One study."""
        return [self.commission()]

    def commission(self) -> Process:
        """Open the study, wait for its report or its refusal."""
        talk = self.open(SUC, SCENARIO, self.study, system=PLATFORM)
        self.send(StudyOrder(study=self.study), self.integration, talk, PLATFORM)
        heard = self.start(self._hear(talk))
        yield self.join([heard])

    def _hear(self, talk: str) -> Process:
        yield self.receive(StudyReport, talk)
        self.end(talk)

    @handles(StudyRefusal)
    def hear_refusal(self, batch: Batch[StudyRefusal]) -> None:
        """The study ends refused."""
        self.refused = batch.one().reason
        self.end(batch.conversation, "refused", self.refused)


@dataclass(frozen=True, eq=False)
class MemberFile:
    """What a member has of its own.

    Attributes:
        data: what it tells with consent.
        consents: whether it consents to the use of its data for the study.
    """

    data: MemberData
    consents: bool


class Consumers(Party):
    """The members of the community, each with its own address, data and consent."""

    def __init__(self, seat: Seat, files: Mapping[str, MemberFile]) -> None:
        super().__init__(seat)
        self.files = dict(files)

    @handles(MemberDataRequest)
    def tell(self, batch: Batch[MemberDataRequest]) -> None:
        """Each member tells its own data, or withholds consent and with it the data."""
        names = [self.directory.names[number] for number in batch.receiver]
        self.answer(batch, [self._answer(self.files[name]) for name in names])

    @staticmethod
    def _answer(file: MemberFile) -> MemberData:
        if file.consents:
            return file.data
        nothing = np.zeros(len(np.asarray(file.data.known)))
        return MemberData(
            consent="none", client="", contracted_kw=0.0, annual_kwh=0.0, tariff="", metered_kw=nothing, known=nothing
        )

    @handles(MemberReport)
    def hear(self, batch: Batch[MemberReport]) -> None:
        """What each business model would mean for each member is kept."""
        names = [self.directory.names[number] for number in batch.receiver]
        for name, report in zip(names, batch.records(), strict=True):
            self.register("member_reports").add(member=name, model=report.model, total_eur=report.total_eur)
