"""Balance responsible parties: they answer to the TSO for the imbalance behind a provider's points, and pass on what its activations cost or brought them.

What was ordered is adjusted by the TSO and nobody's imbalance; what was ordered and not delivered is the provider's to bear, by the contract between the two; what
the points strayed from their baseline otherwise is the party's own. With the value of the energy that the provider sold in its name handed over, the party is
left as without any activation (Regulation (EU) 2017/2195, articles 49 and 54).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from agents.payments import pay
from environment.messages.base import Batch
from environment.messages.delivery import ExposureClaim, ImbalanceStatement
from environment.party import Party, Process, Seat, handles
from environment.refusals import refuse
from markets.balancing.imbalance import settle
from markets.ledger import cents

EXACT_EUR = 0.005
"""Half a cent: what a statement may differ from its own numbers by rounding."""


@dataclass(frozen=True)
class ResponsibleTerms:
    """Whom a balance responsible party deals with.

    Attributes:
        tso: address of the TSO.
        bsps: name of a provider behind whose points it is responsible -> its address.
    """

    tso: str
    bsps: Mapping[str, str]


class BalanceResponsible(Party):
    """A balance responsible party.

    Args:
        seat: place in the world.
        terms: see there.
    """

    def __init__(self, seat: Seat, terms: ResponsibleTerms) -> None:
        super().__init__(seat)
        self._terms = terms
        self._settled: set[str] = set()

    @handles(ImbalanceStatement)
    def take_statement(self, batch: Batch[ImbalanceStatement]) -> Process | None:
        """Check what the TSO states, pay what is owed, and pass it on."""
        for row, one in enumerate(batch.records()):
            reason = self._fault(batch, row, one)
            if reason:
                refuse(self, batch, row, one.settlement, reason)
            elif one.settlement not in self._settled:
                self._settled.add(one.settlement)
                pay(self, self.name, self._terms.tso, max(one.eur, 0.0), "imbalance", batch.ids[row])
                self.start(self._pass_on(one, batch.conversation))
        return None

    def _fault(self, batch: Batch[ImbalanceStatement], row: int, one: ImbalanceStatement) -> str:
        if self.directory.names[int(batch.sender[row])] != self._terms.tso:
            return "only the TSO states imbalances"
        if one.party != self.name or one.bsp not in self._terms.bsps:
            return f"it is of {one.party} behind {one.bsp}"
        owed = settle(one.allocated_kwh, one.position_kwh, one.adjustment_kwh, one.price_eur_per_kwh).paid_eur.sum()
        return (
            ""
            if abs(cents(float(owed)) / 100 - one.eur) <= EXACT_EUR
            else f"{one.eur} EUR do not follow from its numbers"
        )

    def _pass_on(self, one: ImbalanceStatement, talk: str) -> Process:
        """Claim from the provider, or pay it, what its activations cost or brought."""
        self.register("responsible_imbalances").add(
            t_ms=self.now_ms, party=self.name, settlement=one.settlement, bsp=one.bsp,
            imbalance_kwh=float((one.allocated_kwh - one.position_kwh - one.adjustment_kwh).sum()),
            activated_kwh=float(one.adjustment_kwh.sum()), paid_eur=one.eur, undelivered_eur=one.undelivered_eur,
            transfer_eur=one.transfer_eur,
        )  # fmt: skip
        for purpose, eur in (("undelivered", one.undelivered_eur), ("energy transfer", one.transfer_eur)):
            if not eur:
                continue
            debtor, creditor = (one.bsp, self.name) if eur > 0 else (self.name, one.bsp)
            claim = ExposureClaim(
                claim=f"{one.settlement}/{purpose}", settlement=one.settlement, debtor=debtor, creditor=creditor,
                purpose=purpose, eur=abs(eur),
            )  # fmt: skip
            sent = self.send(claim, self._terms.bsps[one.bsp], talk)
            yield self.confirm(sent)
            if debtor == self.name:
                pay(self, debtor, creditor, claim.eur, purpose, sent.batch.ids[0])
