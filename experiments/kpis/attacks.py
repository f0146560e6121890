"""Figures of attacks: how many messages attackers put on the wire, and how many of them somebody acted on."""

from collections.abc import Mapping

from experiments.kpis.facts import Facts
from experiments.kpis.grid import Figure

PUT = ("accepted", "refused", "lost")
"""Outcomes of messages that were really put on the wire."""


def messages_of(*outcomes: str) -> Figure:
    """The figure that counts attack messages with one of these outcomes; None where nobody attacked."""

    def count(facts: Facts) -> float | None:
        frame = facts.all("attacks")
        return None if frame is None else float(sum(name in outcomes for name in frame.names("outcome").tolist()))

    return count


FIGURES: Mapping[str, Figure] = {
    "attack_messages": messages_of(*PUT),
    "attack_messages_accepted": messages_of("accepted"),
}
