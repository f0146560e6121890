"""What a run bills as fixed charges is what the tariffs say of a day, for every home by its own tariff and contracted power."""

import numpy as np
import pytest

from environment.people.tariffs import tariff


@pytest.mark.parametrize("date", ["2016-01-19", "2016-03-27"], ids=["24 hours", "23 hours"])
def test_every_home_pays_a_day_of_its_tariff_and_money_still_sums_to_zero(small, date):
    names = {"it-flat-2025": 0.5, "fr-base-2025": 0.5}
    site = small.site(
        small.scenario(clock__start=date, clock__history_days=1, coordination=False, people__0__homes__tariff=names)
    )
    tables = small.tables(site, small.live(site))
    (start_ms, end_ms), people = site.days_ms[0], site.people
    days = (end_ms - start_ms) / 86_400_000
    expected = [
        tariff(people.tariff_names[number]).fixed_eur(float(kw), days)
        for number, kw in zip(people.tariff, people.contracted_kw, strict=True)
    ]
    bills = tables["content/RetailBill"]
    np.testing.assert_allclose(
        np.sort(bills["fixed_eur"]), np.sort([sum(one.values()) for one in expected]), rtol=1e-12
    )
    assert len(set(np.round(bills["fixed_eur"], 6))) == 2
    ledger, balance = tables["ledger"], {}
    for debtor, creditor, eur in zip(ledger["debtor"], ledger["creditor"], ledger["eur"], strict=True):
        balance[debtor] = balance.get(debtor, 0) - round(eur * 100)
        balance[creditor] = balance.get(creditor, 0) + round(eur * 100)
    assert sum(balance.values()) == 0
    for party, name in (("dso", "dso-1"), ("state", "state")):
        assert balance[name] >= round(100 * sum(one[party] for one in expected)) - len(expected)
