"""Members of a community as its manager keeps them: who belongs to it on a day, who consents, and who is forgotten (SUC02.1 O-1, O-3).

Personal data are in the register of ``markets.registers.personal_data``: the sheet that a member registered, for the purpose of membership;
forecasts are asked for and devices are led under a consent of its own. Who has left is erased once its last bill is out; what it added to
the community's figures stays, under a pseudonym that leads to nobody.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec.structs import replace

from agents.ec_manager_accounts import indicators
from agents.ec_manager_terms import Candidate, CommunityDay
from data.arrays import F64
from environment.messages.community import MemberRegistration, MembershipNotice
from environment.messages.community_settlement import MemberIndicators, MemberSettlement
from environment.messages.homes_data import DataSubjectAnswer, DataSubjectRequest
from markets.community_indicators import Standing
from markets.registers.personal_data import NEVER_MS, PersonalData, PersonalDataError, Policy

MEMBERSHIP, OPERATION = "membership", "use of data and control of devices"
"""What data are for: bills, which follow from belonging, and the central operation, which a member consents to beside it."""

POLICY = Policy({"registration": NEVER_MS // 2}, despite_restriction=frozenset({MEMBERSHIP}))
"""A registration is kept as long as the membership; it ends with an erasure, not after a time. Bills go on under a restriction."""

ELSEWHERE = {
    "erase": "who leaves is erased with its last bill",
    "withdraw": "consent is taken back by a notice",
}
"""Rights that have a way of their own in a community: a request is answered with it, and nothing stays to be done."""


class Members:
    """The members of one community.

    Args:
        community: its name, who keeps the register.
        candidates: who may be asked.
    """

    def __init__(self, community: str, candidates: Sequence[Candidate]) -> None:
        self._community = community
        self._candidates = {one.member: one for one in candidates}
        self._people = PersonalData(community, POLICY)
        self._approving: set[str] = set()
        self._leaves_ms: dict[str, int] = {}
        self._withdrawn_ms: dict[str, int] = {}
        self._standing: dict[str, Standing] = {}

    # --- who -------------------------------------------------------------------------------------------------------------

    def _gone(self, member: str, start_ms: int) -> bool:
        return member in self._leaves_ms and self._leaves_ms[member] <= start_ms

    def asked(self, day: CommunityDay, *, first: bool, anew: bool = False) -> list[Candidate]:
        """Who is asked before a day: everybody before the first, later those who join; ``anew``: everybody again."""
        there = [one for one in self._candidates.values() if one.from_ms <= day.start_ms]
        there = [one for one in there if not self._gone(one.member, day.start_ms)]
        if anew:
            return there
        return [one for one in there if one.member not in self._people and (first or one.from_ms > 0)]

    def register(self, answer: MemberRegistration, now_ms: int) -> None:
        """Keep what a member registers who approves the rules; who does not, or not any more, is none."""
        self._approving.discard(answer.member)
        if not answer.approved:
            return
        self._approving.add(answer.member)
        self._people.enrol(answer.member)
        self._people.consent(answer.member, [MEMBERSHIP, *([OPERATION] if answer.consent else [])], now_ms)
        self._people.keep(answer.member, "registration", "sheet", answer, MEMBERSHIP, now_ms)

    def of(self, day: CommunityDay, now_ms: int) -> dict[str, MemberRegistration]:
        """Sheets of the members of a day, by name."""
        there = [name for name in sorted(self._approving) if not self._gone(name, day.start_ms)]
        return {name: self._sheet(name, now_ms) for name in there}

    def _sheet(self, member: str, now_ms: int) -> MemberRegistration:
        sheet: MemberRegistration = self._people.read(
            member, "registration", "sheet", self._community, MEMBERSHIP, now_ms
        )
        return sheet

    def hems(self, member: str) -> str:
        """Address of a member's HEMS."""
        return self._candidates[member].hems

    # --- consent and leaving ---------------------------------------------------------------------------------------------

    def consenting(self, members: Mapping[str, MemberRegistration], now_ms: int) -> list[str]:
        """Those whose data may be used and devices be led now, sorted."""
        return [name for name in sorted(members) if self._people.may_process(name, OPERATION, now_ms)]

    def from_ms(self, member: str) -> int:
        """From when on somebody belongs to it."""
        return self._candidates[member].from_ms

    def note(self, notice: MembershipNotice, now_ms: int) -> MemberRegistration | None:
        """A member leaves from a day on, or takes back its consent now; its sheet, None of a stranger."""
        if notice.member not in self._approving:
            return None
        if notice.change == "leaves":
            self._leaves_ms[notice.member] = notice.from_ms
            self._people.ask(notice.member, "erase", now_ms)
        else:
            self._people.withdraw(notice.member, (OPERATION,), now_ms)
            self._withdrawn_ms[notice.member] = notice.from_ms
        return self._sheet(notice.member, now_ms)

    def respect(self, asked: DataSubjectRequest, member: str, now_ms: int) -> DataSubjectAnswer:
        """Do at once what a member asks about its own data: see it, correct its tariff, or have it kept and not used; and answer."""
        if asked.right in ELSEWHERE:
            return DataSubjectAnswer(right=asked.right, items=0, done=False, reason=ELSEWHERE[asked.right])
        try:
            self._people.ask(member, asked.right, now_ms)
            match asked.right:
                case "access":
                    items = len(self._people.access(member, now_ms))
                case "rectify":
                    corrected = replace(self._sheet(member, now_ms), tariff=asked.value)
                    self._people.rectify(member, "registration", "sheet", corrected, now_ms)
                    items = 1
                case _:
                    self._people.restrict(member)
                    self._withdrawn_ms.setdefault(member, now_ms)
                    items = 1
        except PersonalDataError as error:
            return DataSubjectAnswer(right=asked.right, items=0, done=False, reason=str(error))
        return DataSubjectAnswer(right=asked.right, items=items, done=True, reason="")

    def overdue(self, now_ms: int) -> list[tuple[str, str]]:
        """Requests (member, right) that should have been answered by now."""
        return self._people.overdue(now_ms)

    def held(self, committed_kwh: Mapping[str, F64], day: CommunityDay) -> dict[str, F64]:
        """What members are held to of a day's commitments, by name: nothing from the step on in which consent was taken back."""
        kept = dict(committed_kwh)
        for member in kept.keys() & self._withdrawn_ms.keys():
            step_ms = (day.end_ms - day.start_ms) / len(kept[member])
            first = max(int((self._withdrawn_ms[member] - day.start_ms) // step_ms), 0)
            kept[member] = np.where(np.arange(len(kept[member])) < first, kept[member], 0.0)
        return kept

    def forget(self, member: str, now_ms: int) -> int | None:
        """Erase who has left; the number of items, None where it has not left."""
        if member not in self._people or not self._gone(member, now_ms):
            return None
        del self._candidates[member]
        self._approving.discard(member)
        self._withdrawn_ms.pop(member, None)
        return self._people.erase(member, now_ms)

    # --- indicators ------------------------------------------------------------------------------------------------------

    def add(self, settled: Sequence[MemberSettlement], day: Standing) -> None:
        """Add a day to what members come to; rows are members in one order."""
        for row, one in enumerate(settled):
            name = self._people.pseudonym(one.member)
            self._standing[name] = self._standing.get(name, Standing()).plus(day.row(row))

    def indicators(self, member: str) -> MemberIndicators | None:
        """What a member comes to; None where no day of it was settled, or it was erased."""
        if member not in self._people:
            return None
        name = self._people.pseudonym(member)
        return indicators(member, name, self._standing) if name in self._standing else None
