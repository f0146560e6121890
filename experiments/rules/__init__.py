"""Rules on plain records: find one by its name, read its input, run it. The same from Python and from ``coflex rules``.

>>> run_rule("pay-as-bid", [{"bid": "b1", "area": "a", "direction": "up", "quantity_kw": 4.0, "accepted_kw": 3.0,
...          "price_eur_per_kwh": 0.2}])["accounts"]
{'offered': 4.0, 'accepted': 3.0, 'rejected': 1.0}
"""

import inspect
from collections.abc import Iterator
from importlib import import_module
from typing import Any, NamedTuple

from experiments.errors import CoflexError, did_you_mean
from experiments.rules.face import Face, read_face
from experiments.scenario.library import RULES, attribute, rule


class Named(NamedTuple):
    """A rule that has a face."""

    kind: str
    name: str

    @property
    def face(self) -> type[Face]:
        """Its input and output on plain records."""
        return attribute(RULES[self.kind][self.name].face)  # type: ignore[no-any-return]

    @property
    def function(self) -> Any:
        """The pure function."""
        return rule(self.kind, self.name)

    @property
    def about(self) -> str:
        """What it does: as its face says, or the first paragraph of its module."""
        return self.face.about or self._paragraphs()[0]

    @property
    def source(self) -> str:
        """Where it comes from: the paragraph of its module that says so."""
        texts = (text.partition(":") for text in self._paragraphs() if text.startswith(("Source:", "Sources:")))
        return next((text.strip() for _, _, text in texts), "")

    def _paragraphs(self) -> list[str]:
        text = inspect.getdoc(import_module(self.function.__module__)) or ""
        return [" ".join(part.split()).replace("``", "`") for part in text.split("\n\n")]


def all_rules() -> Iterator[Named]:
    """Every rule, kind by kind."""
    for kind, rules in RULES.items():
        yield from (Named(kind, name) for name in rules)


def find_rule(name: str) -> Named:
    """A rule by its name.

    Raises:
        CoflexError: there is none, with the nearest name.
    """
    known = {one.name: one for one in all_rules()}
    if name not in known:
        msg = f"unknown rule '{name}'{did_you_mean(name, known, most=40)}"
        raise CoflexError(msg)
    return known[name]


def run_rule(name: str, content: Any, where: str = "input") -> dict[str, Any]:
    """One rule on plain records, without a simulation.

    Args:
        name: of the rule.
        content: its input as plain data (see ``coflex rules NAME``); rows alone stand for its table.
        where: what to call the input in an error.

    Returns:
        ``{"rule", "result", "accounts": {"offered", "accepted", "rejected"}}``, JSON types; accepted + rejected = offered.

    Raises:
        CoflexError: no such rule, or everything that is wrong with the input.
    """
    named = find_rule(name)
    return document(named, read_face(named.face, content, where))


def document(named: Named, given: Face) -> dict[str, Any]:
    """What a rule says on an input, as JSON types."""
    outcome = given.run(named.function)
    return {
        "rule": named.name,
        "result": outcome.result.model_dump(mode="json"),
        "accounts": outcome.accounts.model_dump(mode="json"),
    }
