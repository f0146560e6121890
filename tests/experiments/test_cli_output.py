import json

import numpy as np
import pytest
import typer

from environment.grid.model import NetworkError
from experiments.cli.output import Answer, Format, emit, error_text, is_ours, tidy
from experiments.errors import CoflexError
from experiments.scenario.read import ScenarioError


def test_numbers_of_any_library_become_json():
    value = {
        1: np.float64(0.5),
        "b": [np.int64(3), float("nan"), np.inf],
        "c": (np.bool_(True), None),
        "d": np.str_("x"),
    }
    assert tidy(value) == {"1": 0.5, "b": [3, None, None], "c": [True, None], "d": "x"}
    json.dumps(tidy(value), allow_nan=False)


def test_an_answer_is_text_for_people_and_json_for_programs(capsys):
    answer = Answer("two lines\nof text\n", {"x": float("nan")})
    emit(answer, Format.text)
    assert capsys.readouterr().out == "two lines\nof text\n"
    emit(answer, Format.json)
    assert json.loads(capsys.readouterr().out) == {"x": None}


def test_a_no_is_printed_and_ends_with_exit_code_one(capsys):
    with pytest.raises(typer.Exit) as caught:
        emit(Answer("no", {}, yes=False), Format.text)
    assert caught.value.exit_code == 1
    assert capsys.readouterr().out == "no\n"


def test_our_own_refusals_are_told_from_faults():
    assert is_ours(NetworkError("x"))
    assert not is_ours(ValueError("x"))
    assert not is_ours(KeyError("x"))
    assert not is_ours(json.JSONDecodeError("x", "", 0))


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (CoflexError("no such thing"), "error: no such thing"),
        (ScenarioError(["a: x", "b: y"]), "error: a: x\nerror: b: y"),
        (NetworkError("no such bus"), "error: no such bus"),
        (PermissionError(13, "Permission denied", "/x"), "error: /x: Permission denied"),
        (
            ZeroDivisionError("of zero"),
            "error: unexpected ZeroDivisionError: of zero (run again with --debug to see where)",
        ),
    ],
)
def test_an_error_is_one_line_for_each_thing_that_is_wrong(error, text):
    assert error_text(error) == text
