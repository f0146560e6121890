import pytest

from experiments.covers import covers
from markets.products import Window
from markets.qualification import PAPERS, Contract, ContractRegister, Paper, Participant, qualify


def file_of(kinds=PAPERS, **ends):
    return Participant(fsp="f1", papers=tuple(Paper(kind=k, reference=f"doc/{k}", **ends) for k in kinds))


def test_seven_papers_are_asked_for():
    assert len(PAPERS) == 7
    assert qualify(file_of(), 0).qualified


@covers("SUC06.1/r20")
@pytest.mark.parametrize("absent", PAPERS)
def test_each_missing_paper_is_named(absent):
    decision = qualify(file_of([k for k in PAPERS if k != absent]), 0)
    assert not decision.qualified
    assert decision.missing == (absent,)
    assert decision.reason == f"missing: {absent}"


def test_an_empty_reference_is_a_missing_paper():
    papers = (*file_of(PAPERS[1:]).papers, Paper(kind=PAPERS[0], reference=""))
    assert qualify(Participant(fsp="f1", papers=papers), 0).missing == PAPERS[:1]


def test_a_paper_expires_at_its_end_and_a_newer_one_heals():
    old = file_of(valid_until_ms=100)
    assert qualify(old, 99).qualified
    assert qualify(old, 100).expired == PAPERS
    assert "expired: contact information" in qualify(old, 100).reason
    renewed = Participant(fsp="f1", papers=old.papers + file_of().papers)
    assert qualify(renewed, 100).qualified


def contract(name, counterpart, from_ms, to_ms, holder="f1"):
    return Contract(contract=name, holder=holder, counterpart=counterpart, window=Window(from_ms, to_ms))


def test_a_second_contract_in_the_window_is_refused_with_its_rival():
    register, reason = ContractRegister().sign(contract("c1", "dso-1", 0, 100))
    assert reason == ""
    same, refused = register.sign(contract("c2", "tso-1", 99, 150))
    assert "bound to dso-1 by contract 'c1'" in refused
    assert len(same) == 1


@pytest.mark.parametrize(
    "second",
    [contract("c2", "tso-1", 100, 150), contract("c2", "dso-1", 50, 150), contract("c2", "tso-1", 0, 9, holder="f2")],
)
def test_other_windows_holders_and_the_same_counterpart_do_not_conflict(second):
    register, _ = ContractRegister().sign(contract("c1", "dso-1", 0, 100))
    assert register.sign(second)[1] == ""


def test_signing_twice_is_once_and_an_id_is_used_once():
    register, _ = ContractRegister().sign(contract("c1", "dso-1", 0, 100))
    again, reason = register.sign(contract("c1", "dso-1", 0, 100))
    assert (len(again), reason) == (1, "")
    assert "used before" in register.sign(contract("c1", "dso-1", 0, 200))[1]


def test_signing_changes_no_older_register():
    register = ContractRegister([contract("c1", "dso-1", 0, 100)])
    register.sign(contract("c2", "dso-1", 0, 100))
    assert len(register) == 1


def test_a_register_cannot_begin_with_a_conflict():
    with pytest.raises(ValueError, match="is bound to"):
        ContractRegister([contract("c1", "dso-1", 0, 100), contract("c2", "tso-1", 50, 60)])
