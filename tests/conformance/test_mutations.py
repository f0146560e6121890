"""Mutation law C10 on the synthetic day: what is tampered with, and only that, is noticed."""

import pyarrow as pa
import pytest

from environment.messages import digest_rows
from experiments.conformance import check
from experiments.conformance.mutations import (
    Mutation,
    check_law,
    made_steps,
    mutations,
    restricted,
    samples,
    unexpected,
)
from experiments.covers import covers

KINDS = {"delete", "sender", "receiver", "before_cause", "delivery", "content"}


@covers("SUC06.1/SI-4")
def test_mutation_law_holds_for_every_made_step(journal_day):
    assert check_law(journal_day, digest_rows) == {}


def test_every_kind_of_mutation_is_tried_on_every_step_it_applies_to(journal_day):
    tried = {(one.kind, one.suc, one.step, one.conversation) for one in mutations(journal_day, digest_rows)}
    made = list(made_steps(journal_day))
    assert {kind for kind, *_ in tried} == KINDS
    assert len({(one.suc, one.step) for one in made}) == 8 + 9 + 8 + 7
    for one in made:
        for kind in {"delete", "sender"} | ({"receiver", "delivery", "content"} if len(one.messages) else set()):
            assert (kind, one.suc, one.step, one.conversation) in tried


def test_deleting_is_reported_as_missing_in_that_conversation_alone(journal_day):
    for mutation in mutations(journal_day, None):
        if mutation.kind == "delete":
            report = check(mutation.tables)
            findings = [
                (suc, one.step, one.conversation) for suc, case in report.usecases.items() for one in case.broken
            ]
            assert findings == [(mutation.suc, mutation.step, mutation.conversation)]


def test_law_notices_a_check_that_sees_nothing(journal_day):
    """The law must be able to fail: a mutation that changes nothing is reported as not noticed."""
    before = check(journal_day)
    idle = Mutation("delete", "SUC06.2", "1.4", "SUC06.2/1", journal_day)
    assert unexpected(before, idle, check(journal_day)) == ["delete of SUC06.2/1.4 in SUC06.2/1 was not noticed"]


def test_law_notices_a_cascade(journal_day):
    """The law must be able to fail: a second fault beside the mutation is named."""
    before = check(journal_day)
    mutation = next(one for one in mutations(journal_day, None) if (one.kind, one.step) == ("delete", "2.6"))
    acts = mutation.tables["acts"]
    other = acts.filter(pa.compute.not_equal(acts["act"], "start_delivery"))
    after = check({**mutation.tables, "acts": other})
    assert {text.split(":")[0] for text in unexpected(before, mutation, after)} == {
        "SUC06.2/1.5",
        "SUC06.2/1.5 is no longer made",
    }


def test_restricted_run_holds_one_conversation(journal_day):
    one = restricted(journal_day, frozenset({"SUC06.2/2"}))
    assert set(one["messages"]["conversation"].to_pylist()) == {"SUC06.2/2"}
    assert one["content/ActivationSignal"].num_rows == 5
    report = check(one, digest_rows=digest_rows)
    assert list(report.usecases) == ["SUC06.2"]
    assert len(report.usecases["SUC06.2"].made) == 8


def test_samples_take_one_of_every_scenario(journal_day):
    assert samples(journal_day) == ["SUC05.1/1", "SUC06.1/1", "SUC06.2/1", "SUC06.3/1"]


@pytest.mark.parametrize("kind", ["before_cause", "delivery"])
def test_moved_rows_keep_their_number(journal_day, kind):
    for mutation in mutations(journal_day, None):
        if mutation.kind == kind:
            assert mutation.tables["messages"].num_rows == journal_day["messages"].num_rows
