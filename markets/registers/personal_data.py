"""Personal data of members: consent by purpose, retention, access, rectification, restriction, erasure, and who looked.

The life cycle that SUC13.1 (GDPR-1 to GDPR-4) asks of whoever keeps data of people, and that other services for homes reuse:

- nothing is processed without consent for its *purpose*; a withdrawal ends processing at that instant and not what was lawful before;
- every *category* of data has a time after which it is deleted;
- a person sees, corrects, restricts or erases the own data; the controller answers within a month;
- a third party gets data only under a consent of its own (purpose ``transfer:<recipient>``);
- outside the person's own account everybody is known by a *pseudonym*. Erasure forgets whom it stood for, so that sums that were
  published stay as they are and lead to nobody.

Source: Regulation (EU) 2016/679 (GDPR), articles 5 to 7, 12 (answer within one month), 15 to 18 and 30.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from data.arrays import F64, Bool

MONTH_MS = 30 * 86_400_000
"""Time in which a person's request must be answered (GDPR, article 12(3): one month)."""

LEAST_MEMBERS = 5
"""A sum over fewer members is not published: it could be led back to one of them (an assumption, as statistical offices do)."""

NEVER_MS = np.iinfo(np.int64).max


class PersonalDataError(ValueError):
    """Something that must not be done with personal data, with the reason."""


@dataclass(frozen=True)
class Policy:
    """How long each category of data is kept, and within which time people are answered.

    Attributes:
        retention_ms: category -> time from its recording to its deletion [ms].
        answer_within_ms: time to answer a request [ms].
        despite_restriction: purposes that a restriction does not end (article 18(2): claims, as those of a bill).
    """

    retention_ms: Mapping[str, int]
    answer_within_ms: int = MONTH_MS
    despite_restriction: frozenset[str] = frozenset()

    def expires_ms(self, category: str, at_ms: int) -> int:
        """When something of a category recorded at an instant is deleted.

        Raises:
            PersonalDataError: nobody said how long the category is kept.
        """
        if category not in self.retention_ms:
            known = ", ".join(sorted(self.retention_ms))
            text = f"no retention is laid down for '{category}', so it cannot be kept; there is {known}"
            raise PersonalDataError(text)
        return at_ms + self.retention_ms[category]


@dataclass(frozen=True)
class Kept:
    """One item of a person's data."""

    category: str
    key: str
    value: Any
    at_ms: int
    expires_ms: int


@dataclass(frozen=True)
class Looked:
    """One entry of the log: who did what with whose data, when, and for which purpose."""

    t_ms: int
    by: str
    pseudonym: str
    what: str
    purpose: str


@dataclass
class _File:
    pseudonym: str
    granted: dict[str, list[list[int]]] = field(default_factory=dict)
    restricted: bool = False
    items: dict[tuple[str, str], Kept] = field(default_factory=dict)


class PersonalData:
    """The register of one controller.

    Args:
        controller: who keeps it.
        policy: retention and time to answer.
        prefix: of the pseudonyms, which are numbered in order of enrolment.
    """

    def __init__(self, controller: str, policy: Policy, prefix: str = "member") -> None:
        self.controller = controller
        self.policy = policy
        self.log: list[Looked] = []
        self.open: dict[tuple[str, str], int] = {}
        self._prefix = prefix
        self._enrolled = 0
        self._files: dict[str, _File] = {}
        self._behind: dict[str, str] = {}

    # --- who ---------------------------------------------------------------------------------------------------------

    def __contains__(self, person: object) -> bool:
        """Whether the person has a file here."""
        return person in self._files

    def enrol(self, person: str) -> str:
        """Open a person's file; returns its pseudonym, the one it has where there is a file already."""
        if person not in self._files:
            self._enrolled += 1
            name = f"{self._prefix}-{self._enrolled:04d}"
            self._files[person] = _File(name)
            self._behind[name] = person
        return self._files[person].pseudonym

    def pseudonym(self, person: str) -> str:
        """The name by which a person is known outside its own account.

        Raises:
            PersonalDataError: there is no such file.
        """
        return self._file(person).pseudonym

    def resolve(self, pseudonym: str) -> str | None:
        """The person behind a pseudonym; None for one that never was or was erased."""
        return self._behind.get(pseudonym)

    def people(self) -> list[str]:
        """Everybody with a file, sorted."""
        return sorted(self._files)

    def _file(self, person: str) -> _File:
        if person not in self._files:
            text = f"{self.controller} has no file of this person: never enrolled, or erased"
            raise PersonalDataError(text)
        return self._files[person]

    # --- consent -----------------------------------------------------------------------------------------------------

    def consent(self, person: str, purposes: Iterable[str], t_ms: int) -> None:
        """The person agrees to some purposes from an instant on."""
        granted = self._file(person).granted
        for purpose in purposes:
            spans = granted.setdefault(purpose, [])
            if not spans or spans[-1][1] <= t_ms:
                spans.append([t_ms, int(NEVER_MS)])

    def withdraw(self, person: str, purposes: Iterable[str], t_ms: int) -> None:
        """The person takes consent back; what was done before stays lawful."""
        granted = self._file(person).granted
        for purpose in purposes:
            for span in granted.get(purpose, [])[-1:]:
                span[1] = min(span[1], max(t_ms, span[0]))

    def restrict(self, person: str, *, restricted: bool = True) -> None:
        """The person's data are kept and not processed (article 18), or processed again."""
        self._file(person).restricted = restricted
        self.open.pop((person, "restrict"), None)

    def may_process(self, person: str, purpose: str, t_ms: int) -> bool:
        """Whether the data of a person may be used for a purpose at an instant."""
        file = self._files.get(person)
        if file is None or (file.restricted and purpose not in self.policy.despite_restriction):
            return False
        return any(begin <= t_ms < end for begin, end in file.granted.get(purpose, ()))

    def allowed(self, people: Sequence[str], purpose: str, t_ms: int) -> Bool:
        """``may_process`` of several people, (n,)."""
        return np.array([self.may_process(person, purpose, t_ms) for person in people], bool)

    def may_transfer(self, person: str, recipient: str, t_ms: int) -> bool:
        """Whether data of a person may go to a third party at an instant."""
        return self.may_process(person, transfer(recipient), t_ms)

    # --- keeping -----------------------------------------------------------------------------------------------------

    def keep(self, person: str, category: str, key: str, value: Any, purpose: str, t_ms: int) -> None:
        """Store one item, in place of an older one of the same key.

        Raises:
            PersonalDataError: there is no consent for the purpose, or no retention for the category.
        """
        if not self.may_process(person, purpose, t_ms):
            text = f"{self.controller} may not process data of this person for '{purpose}' at {t_ms} ms"
            raise PersonalDataError(text)
        file = self._file(person)
        file.items[category, key] = Kept(category, key, value, t_ms, self.policy.expires_ms(category, t_ms))

    def read(self, person: str, category: str, key: str, by: str, purpose: str, t_ms: int) -> Any:
        """One item, for a purpose that the person agreed to; the reading is logged. None where there is none.

        Raises:
            PersonalDataError: there is no consent for the purpose.
        """
        if not self.may_process(person, purpose, t_ms):
            text = f"{by} may not read data of this person for '{purpose}' at {t_ms} ms"
            raise PersonalDataError(text)
        file = self._file(person)
        self.log.append(Looked(t_ms, by, file.pseudonym, f"read {category}/{key}", purpose))
        kept = file.items.get((category, key))
        return None if kept is None or kept.expires_ms <= t_ms else kept.value

    def expire(self, t_ms: int) -> int:
        """Delete what has been kept long enough; returns how many items."""
        gone = 0
        for file in self._files.values():
            over = [key for key, kept in file.items.items() if kept.expires_ms <= t_ms]
            for key in over:
                del file.items[key]
            gone += len(over)
        return gone

    def count(self) -> int:
        """Number of items kept."""
        return sum(len(file.items) for file in self._files.values())

    # --- rights ------------------------------------------------------------------------------------------------------

    def ask(self, person: str, right: str, t_ms: int) -> int:
        """Note that a person uses a right (access, rectify, erase, restrict); returns until when it must be answered."""
        self._file(person)
        self.open[person, right] = t_ms + self.policy.answer_within_ms
        return self.open[person, right]

    def overdue(self, t_ms: int) -> list[tuple[str, str]]:
        """Requests (person, right) that should have been answered."""
        return sorted(key for key, until_ms in self.open.items() if until_ms < t_ms)

    def access(self, person: str, t_ms: int) -> list[Kept]:
        """All that is kept of a person, for the person; it needs no consent."""
        file = self._file(person)
        self.log.append(Looked(t_ms, person, file.pseudonym, "access", "own data"))
        self.open.pop((person, "access"), None)
        return [file.items[key] for key in sorted(file.items)]

    def rectify(self, person: str, category: str, key: str, value: Any, t_ms: int) -> None:
        """Correct an item; its time of deletion stays.

        Raises:
            PersonalDataError: no such item is kept.
        """
        file = self._file(person)
        if (category, key) not in file.items:
            text = f"{self.controller} keeps no {category}/{key} of this person, so there is nothing to correct"
            raise PersonalDataError(text)
        old = file.items[category, key]
        file.items[category, key] = Kept(category, key, value, t_ms, old.expires_ms)
        self.log.append(Looked(t_ms, person, file.pseudonym, f"rectified {category}/{key}", "own data"))
        self.open.pop((person, "rectify"), None)

    def erase(self, person: str, t_ms: int) -> int:
        """Delete all that is kept of a person and whom the pseudonym stood for; returns how many items."""
        file = self._files.pop(person, None)
        if file is None:
            return 0
        del self._behind[file.pseudonym]
        self.log = [
            Looked(one.t_ms, "the person", one.pseudonym, one.what, one.purpose) if one.by == person else one
            for one in self.log
        ]
        self.log.append(Looked(t_ms, self.controller, file.pseudonym, "erased", "own data"))
        for key in [key for key in self.open if key[0] == person]:
            del self.open[key]
        return len(file.items)


def transfer(recipient: str) -> str:
    """The purpose under which data go to a third party."""
    return f"transfer:{recipient}"


def published(values: F64, members: Bool, least: int = LEAST_MEMBERS) -> float | None:
    """The sum over some members if they are enough to hide each of them, else None.

    Args:
        values: one a member, (n,).
        members: who counts, (n,).
        least: fewest members of a sum that is published.
    """
    return float(values[members].sum()) if int(members.sum()) >= least else None
