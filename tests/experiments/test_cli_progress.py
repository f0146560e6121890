import io

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
