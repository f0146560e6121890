"""What has to be told for a scheme to work: messages by kind, counted once each, whatever platform passes them on.

An offer is one message (all hours of a bid in one area) to the market that takes it first. A scheme then differs in what else has to be known where:

- with traffic lights: the components of offers in distribution networks, and the light of every area and direction that has one;
- multi-level: what is left of each offer goes on to the transmission system operator; prequalified, as far as it fits;
- shared balancing responsibility: each distribution system operator's schedule at its interface;
- common and integrated: every constraint of distribution networks, needs with it; integrated: what commercial parties want.

Who sold something is told so by each buyer.
"""

import numpy as np

from data.arrays import I64
from markets.coordination.situation import Activations

LIT = frozenset({"central-with-traffic-light"})
FORWARDING = frozenset({"multi-level", "multi-level-prequalified"})
SCHEDULING = frozenset({"shared-balancing"})
JOINT_SCHEMES = frozenset({"common", "integrated"})


def messages(scheme: str, found: Activations, offer_of_bid: I64) -> dict[str, int]:
    """Kind -> number of messages of one day; kinds that a scheme does not have are left out.

    Args:
        scheme: name of the rule.
        found: what it made of the situation.
        offer_of_bid: number of the offer that each bid (an hour of it) belongs to, (n,).
    """
    case = found.situation
    offers = _distinct(offer_of_bid, np.ones(len(case.bids), bool))
    local = case.operator_of_bid > 0
    count = {"offers": offers}
    if scheme in LIT:
        count["components"] = _distinct(offer_of_bid, local)
        count["lights"] = int(np.isfinite(case.capability_kw).any(axis=2).sum())
    if scheme in FORWARDING:
        taken = sum((found.taken_kw[name] for name in case.operators[1:]), np.zeros(len(case.bids)))
        count["forwarded"] = _distinct(offer_of_bid, local & (case.bids.quantity_kw - taken > 0.0))
    if scheme in SCHEDULING:
        count["schedules"] = len(case.operators) - 1
    if scheme in JOINT_SCHEMES:
        count["constraints"] = int((case.operator_of_constraint > 0).sum())
    if scheme == "integrated":
        count["wants"] = len(case.wants)
    count["awards"] = sum(_distinct(offer_of_bid, kw > 0.0) for kw in found.taken_kw.values())
    return count


def _distinct(numbers: I64, which: "np.typing.NDArray[np.bool_]") -> int:
    return len(np.unique(numbers[which]))
