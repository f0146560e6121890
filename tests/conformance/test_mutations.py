"""Mutation law C10 on the synthetic day."""

from environment.messages import digest_rows
from experiments.conformance import check
from experiments.conformance_mutations import check_law


def test_correct_day_is_clean(journal_day):
    report = check(journal_day, digest_rows=digest_rows)
    for case in report.usecases.values():
        assert not case.broken
        assert not case.late
        assert case.unmatched == 0


def test_mutation_law(journal_day):
    assert check_law(journal_day, digest_rows) == {}
