"""Personal data follow consent, retention, access, rectification and erasure."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.covers import covers
from markets.registers.personal_data import MONTH_MS, PersonalData, PersonalDataError, Policy, published, transfer

DAY = 86_400_000
POLICY = Policy({"measurements": 7 * DAY, "contract": 365 * DAY})


def register(*people):
    found = PersonalData("agg", POLICY)
    for person in people:
        found.enrol(person)
    return found


@covers("SUC13.1/GDPR-1")
@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=12), st.integers(0, 60))
def test_processing_is_allowed_exactly_between_consent_and_withdrawal(changes, t_ms):
    data = register("ann")
    given_now, expected = False, False
    for at_ms, gives in sorted(changes, key=lambda one: one[0]):
        (data.consent if gives else data.withdraw)("ann", ["control"], at_ms)
        given_now = gives
        if at_ms <= t_ms:
            expected = given_now
    assert data.may_process("ann", "control", t_ms) == expected
    assert not data.may_process("ann", "billing", t_ms)


@covers("SUC13.1/GDPR-1")
def test_nothing_is_kept_or_read_without_consent_for_its_purpose():
    data = register("ann")
    with pytest.raises(PersonalDataError, match="may not process"):
        data.keep("ann", "measurements", "load", 1.0, "forecast", 0)
    data.consent("ann", ["forecast"], 5)
    data.keep("ann", "measurements", "load", 1.0, "forecast", 5)
    assert data.read("ann", "measurements", "load", "agg", "forecast", 6) == 1.0
    with pytest.raises(PersonalDataError, match="may not read"):
        data.read("ann", "measurements", "load", "agg", "marketing", 6)
    data.withdraw("ann", ["forecast"], 7)
    with pytest.raises(PersonalDataError):
        data.read("ann", "measurements", "load", "agg", "forecast", 7)
    assert data.may_process("ann", "forecast", 6)


@covers("SUC13.1/GDPR-2")
@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 20 * DAY), min_size=1), st.integers(0, 40 * DAY))
def test_what_is_kept_is_deleted_when_its_time_is_over(recorded, t_ms):
    data = register("ann")
    data.consent("ann", ["forecast"], 0)
    for key, at_ms in recorded.items():
        data.keep("ann", "measurements", key, 1.0, "forecast", at_ms)
    over = sum(at_ms + 7 * DAY <= t_ms for at_ms in recorded.values())
    assert data.expire(t_ms) == over
    assert data.count() == len(recorded) - over
    assert data.expire(21 * DAY + 40 * DAY) == len(recorded) - over
    assert data.count() == 0


@covers("SUC13.1/GDPR-2")
def test_a_category_without_retention_cannot_be_kept():
    data = register("ann")
    data.consent("ann", ["forecast"], 0)
    with pytest.raises(PersonalDataError, match="no retention is laid down for 'diary'"):
        data.keep("ann", "diary", "x", 1, "forecast", 0)


@covers("SUC13.1/GDPR-3")
def test_a_person_sees_corrects_restricts_and_is_answered_in_time():
    data = register("ann", "bob")
    data.consent("ann", ["service"], 0)
    data.keep("ann", "contract", "email", "old@home", "service", 0)
    assert data.ask("ann", "access", 10) == 10 + MONTH_MS
    assert data.overdue(10 + MONTH_MS) == []
    assert data.overdue(11 + MONTH_MS) == [("ann", "access")]
    assert [one.value for one in data.access("ann", 20)] == ["old@home"]
    assert data.overdue(11 + MONTH_MS) == []
    data.rectify("ann", "contract", "email", "new@home", 30)
    assert data.read("ann", "contract", "email", "agg", "service", 40) == "new@home"
    data.restrict("ann")
    assert not data.may_process("ann", "service", 50)
    data.restrict("ann", restricted=False)
    assert data.may_process("ann", "service", 50)
    assert data.access("bob", 20) == []
    with pytest.raises(PersonalDataError, match="nothing to correct"):
        data.rectify("ann", "contract", "phone", "1", 30)


@covers("SUC13.1/GDPR-3")
@given(st.lists(st.floats(0.0, 100.0), min_size=6, max_size=12), st.data())
def test_the_erased_are_unresolvable_and_sums_stay(values, draw):
    people = [f"p{k}" for k in range(len(values))]
    data = register(*people)
    names = [data.pseudonym(person) for person in people]
    book = dict(zip(names, values, strict=True))
    before = published(np.array(list(book.values())), np.ones(len(book), bool))
    gone = draw.draw(st.sampled_from(people))
    data.consent(gone, ["service"], 0)
    data.keep(gone, "contract", "email", "x", "service", 0)
    assert data.access(gone, 3)
    assert data.erase(gone, 5) == 1
    assert data.resolve(names[people.index(gone)]) is None
    assert [data.resolve(name) for name in names].count(None) == 1
    assert gone not in data
    assert gone not in data.people()
    assert not data.may_process(gone, "service", 6)
    assert all(gone not in (one.by, one.pseudonym) for one in data.log)
    assert published(np.array(list(book.values())), np.ones(len(book), bool)) == before
    assert data.erase(gone, 6) == 0


def test_who_comes_back_gets_another_pseudonym():
    data = register("ann", "bob")
    first = data.pseudonym("ann")
    data.erase("ann", 1)
    assert data.enrol("ann") != first
    assert data.enrol("bob") == data.pseudonym("bob")


@covers("SUC13.1/GDPR-4")
def test_a_third_party_needs_a_consent_of_its_own():
    data = register("ann")
    data.consent("ann", ["service", transfer("installer-1")], 0)
    assert data.may_transfer("ann", "installer-1", 1)
    assert not data.may_transfer("ann", "installer-2", 1)
    data.withdraw("ann", [transfer("installer-1")], 2)
    assert not data.may_transfer("ann", "installer-1", 2)
    assert data.may_process("ann", "service", 2)


def test_a_sum_over_few_is_not_published():
    values = np.arange(8.0)
    assert published(values, values < 5) == 10.0
    assert published(values, values < 4) is None
