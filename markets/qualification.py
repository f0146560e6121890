"""Who may sell: the participant file and the exclusivity of contracts.

SUC06.1 Info-6 names seven papers a market participant must have handed in. Its conditions say that within the
timeframe of the service to the DSO the seller holds no other flexibility contract than the one with that DSO.
"""

from collections.abc import Iterable

import msgspec

from environment.messages.procurement import PAPERS as PAPERS
from environment.messages.procurement import PaperKind
from markets.products import Window


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """One paper of a participant file.

    Attributes:
        kind: which of the papers of Info-6.
        reference: where it can be read; empty means that nothing was handed in.
        valid_until_ms: first instant at which it no longer counts; None: no end.
    """

    kind: PaperKind
    reference: str
    valid_until_ms: int | None = None


class Participant(msgspec.Struct, frozen=True, kw_only=True):
    """A participant file (SUC06.1 Info-6)."""

    fsp: str
    papers: tuple[Paper, ...]


class Qualification(msgspec.Struct, frozen=True, kw_only=True):
    """The decision on a participant file: qualified if nothing is missing or expired."""

    fsp: str
    missing: tuple[PaperKind, ...]
    expired: tuple[PaperKind, ...]

    @property
    def qualified(self) -> bool:
        """True if every paper is there and valid."""
        return not self.missing and not self.expired

    @property
    def reason(self) -> str:
        """What is wrong with the file, empty if nothing is."""
        parts = [("missing", self.missing), ("expired", self.expired)]
        return "; ".join(f"{what}: {', '.join(kinds)}" for what, kinds in parts if kinds)


def qualify(participant: Participant, at_ms: int) -> Qualification:
    """Check a participant file at an instant; a paper handed in twice counts if one of them is valid."""
    handed = [p for p in participant.papers if p.reference]
    there = {p.kind for p in handed}
    valid = {p.kind for p in handed if p.valid_until_ms is None or at_ms < p.valid_until_ms}
    return Qualification(
        fsp=participant.fsp,
        missing=tuple(kind for kind in PAPERS if kind not in there),
        expired=tuple(kind for kind in PAPERS if kind in there - valid),
    )


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """A flexibility contract: the holder serves one counterpart in a window.

    Attributes:
        contract: id.
        holder: who promises flexibility (an FSP to a DSO, or a home to an FSP).
        counterpart: to whom.
        window: when.
    """

    contract: str
    holder: str
    counterpart: str
    window: Window


class ContractRegister:
    """Contracts in force, looked up by holder. ``sign`` gives a new register; this one stays as it is.

    Args:
        contracts: contracts that do not conflict.

    Raises:
        ValueError: two of them conflict.
    """

    def __init__(self, contracts: Iterable[Contract] = ()) -> None:
        self._by_holder: dict[str, tuple[Contract, ...]] = {}
        for contract in contracts:
            reason = self.refusal(contract)
            if reason:
                raise ValueError(reason)
            self._keep(contract)

    def __len__(self) -> int:
        return sum(map(len, self._by_holder.values()))

    def of(self, holder: str) -> tuple[Contract, ...]:
        """The contracts of one holder."""
        return self._by_holder.get(holder, ())

    def refusal(self, contract: Contract) -> str:
        """Why the contract cannot be signed; empty if it can."""
        for other in self.of(contract.holder):
            if other.contract == contract.contract and other != contract:
                return f"contract id {contract.contract!r} was used before with other content"
            if other.counterpart != contract.counterpart and other.window.overlaps(contract.window):
                return (
                    f"{contract.holder} is bound to {other.counterpart} by contract {other.contract!r} "
                    f"from {other.window.from_ms} to {other.window.to_ms} ms"
                )
        return ""

    def sign(self, contract: Contract) -> tuple["ContractRegister", str]:
        """The register with the contract, and the reason of a refusal (empty: signed, or already there)."""
        reason = self.refusal(contract)
        if reason or contract in self.of(contract.holder):
            return self, reason
        signed = ContractRegister()
        signed._by_holder = dict(self._by_holder)
        signed._keep(contract)
        return signed, ""

    def end(self, contract: Contract) -> "ContractRegister":
        """The register without the contract: it was never concluded, or is over."""
        left = ContractRegister()
        left._by_holder = dict(self._by_holder)
        left._by_holder[contract.holder] = tuple(one for one in self.of(contract.holder) if one != contract)
        return left

    def _keep(self, contract: Contract) -> None:
        self._by_holder[contract.holder] = (*self.of(contract.holder), contract)
