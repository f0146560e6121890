"""Consent taken back in the middle of an activation: from that second on the homes are their own, and nothing of theirs leaves them."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.covers import covers

COMMON = {"clock__history_days": 3, "grid__transformer_rating_factor": 0.25, "people__0__served_by": {"fsp-sol": 1.0}}
AT_MS = round((12 + 18.2) * 3_600_000)
"""Twelve minutes past six: between two steps, an hour of the need is running."""


@pytest.fixture(scope="module")
def lives(small):
    """(with, without) withdrawal of six homes in ten: site, tables."""
    begun, found = small.site(small.scenario(**COMMON, events=[{"at": "18:12", "withdraw": "60%"}])), []
    for events in ([{"at": "18:12", "withdraw": "60%"}], []):
        site = replace(begun.twin(), scenario=small.scenario(**COMMON, events=events))
        people = site.people if events else replace(site.people, withdrawals={})
        site = replace(site, people=people)
        found.append((site, small.tables(site, small.live(site))))
    return found


def gone(site):
    (homes,) = site.people.withdrawals.values()
    return np.flatnonzero(homes & site.people.consent & site.people.automatic)


def said(tables, record):
    """(sender, receiver, instant of sending) of every message of a record."""
    messages = tables["messages"]
    rows = [row for row, name in enumerate(messages["record"]) if name == record]
    return [(messages["sender"][row], messages["receiver"][row], int(messages["sent_ms"][row])) for row in rows]


def test_some_withdraw_under_an_order_and_some_stay(lives):
    site, tables = lives[1]
    rows = gone(lives[0][0])
    called = {str(name) for name, _, at in said(tables, "ActivationFeedback") if at < AT_MS}
    assert {f"{site.people.names[row]}/der" for row in rows} & called
    assert called - {f"{site.people.names[row]}/der" for row in rows}


def test_until_then_both_days_are_the_same(lives):
    (here, _), (there, _) = lives
    step = here.timeline.index(AT_MS)
    np.testing.assert_array_equal(here.living.physics.meters.kw[:, :step], there.living.physics.meters.kw[:, :step])


@covers("SUC05.1/GDPR-1", "SUC05.1/r12")
def test_no_order_is_in_force_at_a_home_that_has_withdrawn(lives):
    site, _ = lives[0]
    rows, after = gone(site), site.timeline.index(AT_MS)
    revoked = 0
    for kind, one in site.living.physics.installed.items():
        mine = np.flatnonzero(np.isin(one.owner, rows))
        for order in one.fleet.set_points.orders:
            if order.priority != 1 or order.from_step + order.kw.shape[1] <= after:
                continue
            at = np.isin(order.rows, mine)
            assert order.revoked[at].all(), (kind, order.name)
            assert order.revoked[~at].sum() == 0, (kind, order.name)
            revoked += int(at.sum())
    assert revoked


def test_they_live_otherwise_than_under_the_order(lives):
    (here, _), (there, _) = lives
    rows, step = gone(here), here.timeline.index(AT_MS)
    kw, before = here.living.physics.meters.kw, there.living.physics.meters.kw
    assert kw[rows, step : step + 4].sum() > before[rows, step : step + 4].sum() + 0.1, "what was left out is taken up"


def test_they_tell_it_at_that_second_and_are_not_signalled_again(lives):
    site, tables = lives[0]
    homes = {f"{site.people.names[row]}/der" for row in gone(site)}
    files = [(sender, to) for sender, to, at in said(tables, "OnboardingFile") if at == AT_MS]
    assert {sender for sender, _ in files} >= homes
    assert {to for _, to in files} == {"fsp-sol", "dso-1"}
    late = {to for _, to, at in said(tables, "ActivationSignal") if at > AT_MS + 10_000}
    assert late
    assert not homes & late


@covers("SUC05.1/GDPR-1", "SUC06.1/GDPR-1")
def test_nothing_of_theirs_is_streamed_any_more(lives):
    (site, tables), (_, others) = lives
    homes = {f"{site.people.names[row]}/der" for row in gone(site)}
    for record in ("AssetTelemetry", "ActivationFeedback", "DeliveryMeasurement", "HomePlanReport"):
        assert not {sender for sender, _, at in said(tables, record) if at > AT_MS} & homes, record
    assert homes & {sender for sender, _, at in said(others, "AssetTelemetry") if at > AT_MS}


def test_what_is_missing_of_the_call_is_paid_less(lives):
    paid = [float(np.sum(tables["settlements"]["remuneration_eur"])) for _, tables in lives]
    assert paid[0] < paid[1]
