import io
import json

from experiments.progress import progress_bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_away_from_a_terminal_each_stage_is_one_line():
    stream = io.StringIO()
    with progress_bar(stream) as report:
        report("history", 0, 10)
        report("history", 10, 10)
        report("day", 1, 4)
    lines = stream.getvalue().splitlines()
    assert [line.split()[-1] for line in lines] == ["history", "day"]


def test_on_a_terminal_a_bar_shows_every_stage():
    stream = Terminal()
    with progress_bar(stream) as report:
        report("history", 5, 10)
        report("day", 4, 4)
    text = stream.getvalue()
    assert "history" in text
    assert "day" in text
    assert "100 %" in text


def test_nothing_goes_to_standard_output(capsys):
    with progress_bar() as report:
        report("day", 1, 1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "day" in captured.err


def test_a_program_is_told_by_an_object_a_line_of_every_stage_and_its_end():
    stream = io.StringIO()
    with progress_bar(stream, as_json=True) as report:
        for done in range(1000):
            report("day", done, 1000)
        report("day", 1000, 1000)
        report("figures, report", 0, 1)
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(one["stage"], one["done"]) for one in (told[0], *told[-2:])] == [
        ("day", 0),
        ("day", 1000),
        ("figures, report", 0),
    ]
    assert len(told) < 20  # at most five a second
    assert all(one["elapsed_s"] >= 0 for one in told)
