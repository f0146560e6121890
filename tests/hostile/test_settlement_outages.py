"""A settlement tries again when somebody cannot be reached, until its limit; nothing is paid twice, and nothing of what failed."""

import numpy as np
import pytest

from environment.messages.settlement import Invoice
from tests.hostile.test_hostile_days import day, reasons  # noqa: F401  (the fixture of small days)


def paid(tables):
    """Flexibility payments: (debtor, creditor) -> euro."""
    ledger, sums = tables["ledger"], {}
    for debtor, creditor, eur, purpose in zip(
        *(ledger[name] for name in ("debtor", "creditor", "eur", "purpose")), strict=True
    ):
        if purpose in ("flexibility", "penalty", "flexibility share"):
            sums[str(debtor), str(creditor)] = sums.get((str(debtor), str(creditor)), 0.0) + float(eur)
    return {pair: round(eur, 2) for pair, eur in sums.items()}


@pytest.fixture(scope="module")
def undisturbed(day):  # noqa: F811
    return day(people__0__served_by={"fsp-sol": 1.0})[1]


@pytest.mark.parametrize("to", ["10:20", "11:05"], ids=["one more attempt", "many more"])
def test_an_outage_that_ends_in_time_changes_no_payment(day, undisturbed, to):  # noqa: F811
    event = {"from": "day 2 09:50", "to": f"day 2 {to}", "platform_down": "gdbn"}
    _, tables = day(people__0__served_by={"fsp-sol": 1.0}, events=[event])
    assert {outcome for outcome, _ in reasons(tables, "SUC06.3")} == {"completed"}
    assert paid(tables)
    assert paid(tables) == paid(undisturbed)
    assert set(tables["settlements"]["status"]) == set(undisturbed["settlements"]["status"])


def test_an_outage_that_lasts_fails_every_settlement_with_its_reason_and_pays_nothing(day):  # noqa: F811
    event = {"from": "day 2 09:50", "platform_down": "gdbn"}
    _, tables = day(people__0__served_by={"fsp-sol": 1.0}, events=[event])
    found = reasons(tables, "SUC06.3")
    assert found
    assert set(found) == {("failed", "no meter data: lost")}
    assert not paid(tables)
    columns = tables["conversations"]
    for suc, started, ended in zip(columns["suc"], columns["opened_ms"], columns["ended_ms"], strict=True):
        if suc == "SUC06.3":
            assert ended - started <= 5_400_000, "the limit"


def test_an_invoice_that_comes_twice_is_paid_once(small):
    """As when it arrives and its acknowledgement does not: the same invoice in another message, to both sides."""
    from experiments.assembly.world import build_world

    site = small.site(small.scenario(clock__history_days=1))
    world = build_world(site)
    parties = {actor.party.name: actor.party for actor in world.agents}
    provider = parties["dpp-1"]
    owed = Invoice(invoice="invoice/settlement/a", debtor="dso-1", creditor="fsp-sol", purpose="flexibility", eur=2.5)
    claim = Invoice(invoice="invoice/settlement/b", debtor="fsp-sol", creditor="dso-1", purpose="penalty", eur=1.5)
    sides = ["dso-1/dso-settlement-service", "fsp-sol/fsp-technical-platform"]

    def life():
        for _ in range(3):
            for invoice in (owed, claim):
                yield provider.confirm(provider.send(invoice, sides, "k", system="gdbn"))

    provider.processes = lambda: [life()]
    world.run(600_000)
    for name, eur in (("dso-1", 2.5), ("fsp-sol", 1.5)):
        np.testing.assert_allclose(parties[name].registers["ledger"].columns()["eur"], [eur])
