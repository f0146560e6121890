"""Sequence diagrams: what is drawn is what happened."""

import json
from xml.etree import ElementTree as ET

import matplotlib.image
import pyarrow.parquet as pq
import pytest

from experiments.conformance.journal import JournalError
from experiments.diagram import LATE, LOST, REFUSED, clock_of, draw, sequences
from experiments.diagram_draw import figure, mermaid, write
from experiments.errors import CoflexError


def clock(t_ms):
    return f"{t_ms / 1000:.1f} s"


def test_arrows_carry_steps_and_counts(journal_day):
    (course,) = sequences(journal_day, "SUC06.2", "SUC06.2/1").values()
    assert course.lanes[:3] == ("dso-1/dso-scada", "dso-1/dso-activation-system", "gdbn-1")
    assert "home-*/der (5)" in course.lanes
    drawn = [(arrow.step, arrow.name, arrow.count) for arrow in course.arrows]
    assert ("1.3", "ActivationRequest", 1) in drawn
    assert ("1.5", "start_delivery", 5) in drawn
    assert ("1.6", "DeliveryMeasurement", 5) in drawn
    assert ("", "SignalReceipt", 1) in drawn


def test_nothing_is_left_out(journal_day):
    for suc in ("SUC05.1", "SUC06.1", "SUC06.2", "SUC06.3"):
        for name, course in sequences(journal_day, suc).items():
            rows = sum(journal_day[table]["conversation"].to_pylist().count(name) for table in ("messages", "acts"))
            assert sum(arrow.count for arrow in course.arrows) == rows


def test_arrows_are_in_order_of_time(journal_day):
    for course in sequences(journal_day, "SUC05.1").values():
        times = [arrow.at_ms for arrow in course.arrows]
        assert times == sorted(times)


def test_one_conversation_of_a_scenario_is_chosen_and_the_others_counted(journal_day):
    (name,) = sequences(journal_day, "SUC06.2")
    assert name == "SUC06.2/1"
    assert sequences(journal_day, "SUC06.2")[name].title == "SUC06.2 Activation: SUC06.2/1 (1 of 2 conversations)"


@pytest.fixture
def troubled(scribe, write_tables):
    """A conversation with a late, a lost and a refused message."""
    scribe.open("SUC06.2/1", "SUC06.2", "1", "dso-1", 0)
    scribe.send("ActivationNeed", "dso-1/dso-scada", "dso-1/dso-activation-system")
    scribe.messages[-1].update(delivered_ms=9_000)
    scribe.send("ActivationRequest", "dso-1/dso-activation-system", "gdbn-1")
    scribe.messages[-1].update(delivered_ms=None, acknowledged_ms=None, status="lost")
    scribe.send("ActivationRequest", "fsp-sol", "gdbn-1")
    scribe.messages[-1].update(status="refused", reason="role")
    scribe.close("failed", "no acknowledgement")
    return write_tables(scribe)


def test_fates_are_told_apart(troubled):
    (course,) = sequences(troubled, "SUC06.2").values()
    assert [arrow.fate for arrow in course.arrows] == [LATE, LOST, REFUSED]
    assert course.outcome == "failed no acknowledgement"
    text = mermaid(course, clock)
    assert "L0->>L1: 1.1 ActivationNeed late, 0.0 s" in text
    assert "L1-xL2: 1.2 ActivationRequest lost, 1.5 s" in text
    assert "-xL2: ActivationRequest refused, 3.0 s" in text


def test_mermaid_declares_every_lane_it_uses(journal_day):
    for course in sequences(journal_day, "SUC06.1").values():
        lines = mermaid(course, clock).splitlines()
        assert lines[0] == "sequenceDiagram"
        declared = {line.split()[1] for line in lines if line.strip().startswith("participant")}
        used = {f"L{end}" for arrow in course.arrows for end in (arrow.source, arrow.target)}
        assert used <= declared
        assert not any(";" in line or "#" in line for line in lines)


def test_picture_shows_every_label_and_lane(journal_day):
    (course,) = sequences(journal_day, "SUC06.3").values()
    texts = [text.get_text() for text in figure(course, clock).axes[0].texts]
    for arrow in course.arrows:
        assert any(arrow.name in text for text in texts)
    assert sum(lane.split("/")[0] in "".join(texts).replace("\n", "") for lane in course.lanes) == len(course.lanes)


def test_labels_do_not_overlap(journal_day):
    """Boxes of messages and acts keep clear of each other in the longest diagram."""
    (course,) = sequences(journal_day, "SUC05.1").values()
    drawn = figure(course, clock)
    renderer = drawn.canvas.get_renderer()
    names = {arrow.name for arrow in course.arrows}
    boxes = [
        text.get_window_extent(renderer)
        for text in drawn.axes[0].texts
        if any(name in text.get_text() for name in names)
    ]
    assert len(boxes) == len(course.arrows)
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])


@pytest.mark.parametrize("form", ["svg", "png"])
def test_pictures_are_files_of_their_kind(journal_day, tmp_path, form):
    (course,) = sequences(journal_day, "SUC06.2", "SUC06.2/2").values()
    path = write(course, tmp_path / "new" / f"one.{form}", form, clock)
    if form == "png":
        assert matplotlib.image.imread(path).shape[2] == 4
    else:
        assert ET.parse(path).getroot().tag.endswith("svg")


def test_svg_is_the_same_each_time(journal_day, tmp_path):
    (course,) = sequences(journal_day, "SUC06.2", "SUC06.2/2").values()
    first, second = (write(course, tmp_path / name, "svg", clock).read_bytes() for name in ("a.svg", "b.svg"))
    assert first == second


def test_unknown_format_and_conversation_are_refused_with_what_was_meant(journal_day, tmp_path):
    (course,) = sequences(journal_day, "SUC06.2", "SUC06.2/1").values()
    with pytest.raises(CoflexError, match="unknown format 'svgg'; did you mean 'svg'"):
        write(course, tmp_path / "x", "svgg", clock)
    with pytest.raises(JournalError, match=r"no conversation 'SUC06\.2/3' of SUC06\.2; did you mean 'SUC06\.2/"):
        sequences(journal_day, "SUC06.2", "SUC06.2/3")
    with pytest.raises(JournalError, match=r"no conversation of SUC11\.1"):
        sequences(journal_day, "SUC11.1")


@pytest.fixture
def run_folder(journal_day, tmp_path):
    """A run folder that holds the journal."""
    for name, table in journal_day.items():
        path = tmp_path / "run" / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)
    meta = {"format": 1, "begins": "2016-01-18T12:00:00+01:00", "zone": "Europe/Rome", "version": "0", "scenario": {}}
    (tmp_path / "run" / "run.json").write_text(json.dumps(meta))
    return tmp_path / "run"


def test_draw_from_a_run_folder(run_folder, tmp_path):
    (path,) = draw(run_folder, "SUC06.2", format="mermaid")
    assert path == run_folder / "diagrams" / "SUC06.2-1.mmd"
    assert "Tue 06:00:00" in path.read_text()
    assert draw(run_folder, "SUC06.2", "SUC06.2/2", tmp_path / "two.svg") == [tmp_path / "two.svg"]
    (other,) = draw(run_folder, "SUC06.1", out=tmp_path / "folder", format="png")
    assert other == tmp_path / "folder" / "SUC06.1-1.png"


def test_clock_shows_local_time():
    from datetime import UTC, datetime, timedelta

    local = clock_of(lambda t_ms: datetime(2016, 1, 18, 12, tzinfo=UTC) + timedelta(milliseconds=t_ms))
    assert local(3_661_000) == "Mon 13:01:01"
