"""Claims of a balance responsible party on a provider, or of a platform on its pools: checked, and paid by whoever owes (Reg. (EU) 2017/2195, articles 49, 54)."""

from agents.payments import pay
from environment.messages.base import Batch
from environment.messages.delivery import ExposureClaim
from environment.party import Party
from environment.refusals import refuse


def settle_claims(party: Party, batch: Batch[ExposureClaim], claimant: str, known: set[str]) -> list[ExposureClaim]:
    """Take claims in, each once, and pay what is owed; gives those that were new.

    Args:
        party: on whom claims are made.
        batch: the claims.
        claimant: party whose claims count.
        known: names of the claims that were taken in before; grows.
    """
    found = []
    for row, one in enumerate(batch.records()):
        sender = party.directory.addresses[int(batch.sender[row])].party
        if sender != claimant or {one.debtor, one.creditor} != {party.name, claimant}:
            refuse(party, batch, row, one.claim, f"{sender} has no claim here")
        elif one.claim not in known:
            known.add(one.claim)
            found.append(one)
            if one.debtor == party.name:
                pay(party, one.debtor, one.creditor, one.eur, one.purpose, batch.ids[row])
    return found
