"""Short commands are answered by one process that stays, and by a new one when it has gone."""

import sys

import pytest

from dashboard.standing import Standing

ECHO = "import sys, json; [print(json.dumps([0, line.strip(), '']), flush=True) for line in sys.stdin]"
MUTE = "import sys; [None for _ in sys.stdin]"


@pytest.fixture
def program():
    """A process of a program in place of coflex."""
    made = []

    def standing(text):
        made.append(Standing([sys.executable, "-c", text]))
        return made[-1]

    yield standing
    for one in made:
        one.close()


def test_it_answers_as_the_command_line_does_and_stays():
    standing = Standing()
    try:
        code, out, err = standing.ask(["scenarios", "--format", "json"])
        assert (code, err) == (0, "")
        assert "district-day" in out
        first = standing._process
        code, out, err = standing.ask(["show", "distric-day"])
        assert (code, out) == (2, "")
        assert "did you mean 'district-day'" in err
        assert standing._process is first
    finally:
        standing.close()
    assert first.poll() is not None


def test_one_that_has_gone_is_replaced(program):
    standing = program(ECHO)
    assert standing.ask(["a"]) == (0, '["a"]', "")
    first = standing._process
    first.kill()
    first.wait()
    assert standing.ask(["b"]) == (0, '["b"]', "")
    assert standing._process is not first


def test_one_that_does_not_answer_is_given_up_and_said_so(program):
    standing = program(MUTE)
    assert standing.ask(["show", "x"], timeout_s=0.2) == (2, "", "coflex show did not answer")
    assert standing._process is None


def test_it_ends_with_its_input(program):
    standing = program(ECHO)
    standing.warm()
    process = standing._process
    process.stdin.close()
    assert process.wait(60) == 0
