"""Run folders: written whole or not at all, read back, refused in words."""

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

import experiments.results as results
from experiments.results import check_out, open_run, write_run
from experiments.results.schema import ResultsError


@pytest.fixture
def written(tmp_path, synthetic):
    out = tmp_path / "run"
    digests = write_run(out, synthetic.complete_tables(), synthetic.meta(), synthetic.complete_twin_tables())
    return out, digests


def leftovers(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


def test_a_run_comes_back_as_it_was_written(written, synthetic):
    out, digests = written
    run = open_run(out)
    assert run.meta["digest"] == digests.digest
    assert run.meta["table_digests"] == dict(digests.tables)
    assert run.digests() == digests
    assert run.meta["twin"] is True
    flow = run.table("grid_branches").to_pandas()
    expected = synthetic.physics()["grid_branches"]
    assert flow.loc[flow.branch == "T1", "p_kw"].tolist() == expected["p_kw"][: synthetic.N].tolist()
    assert run.table("content/Bid").column("quantity_kw").to_pylist() == [[12.0] * 8] * 2
    assert set(run.twin_tables) == set(synthetic.complete_twin_tables())
    assert leftovers(out.parent) == ["run"]


def test_duckdb_and_pandas_read_a_run_without_coflex(written):
    out, _ = written
    peak = duckdb.sql(f"select branch, max(loading_percent) m from '{out}/grid_branches.parquet' group by 1 order by 1")
    assert [row[0] for row in peak.fetchall()] == ["L1", "T1"]
    joined = f"select count(*) from '{out}/messages.parquet' join '{out}/content/Bid.parquet' using (row)"
    assert duckdb.sql(joined).fetchall() == [(2,)]
    frame = pd.read_parquet(out / "bids.parquet")
    assert frame.groupby("bid", observed=True).accepted_kw.first().tolist() == [12.0, 8.0, 0.0]


def test_units_and_meanings_are_in_the_files(written):
    out, _ = written
    schema = pq.read_schema(out / "grid_branches.parquet")
    assert schema.field("p_kw").metadata[b"unit"] == b"kW"
    assert b"positive towards to_bus" in schema.field("p_kw").metadata[b"about"]
    assert pq.ParquetFile(out / "grid_branches.parquet").metadata.row_group(0).column(0).compression == "ZSTD"


def test_times_are_local(written):
    run = open_run(written[0])
    assert run.local(0).isoformat() == "2016-01-18T12:00:00+01:00"
    assert run.local(30 * 3_600_000).strftime("%H:%M") == "18:00"


def test_results_know_no_agent_market_or_physics():
    code = (
        "import sys, experiments.results, experiments.kpis, experiments.compare, experiments.report;"
        "print(sorted({m.partition('.')[0] for m in sys.modules} & {'agents', 'markets', 'environment', 'pandapower'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_folder_with_something_in_it_is_left_alone(tmp_path, synthetic):
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    with pytest.raises(ResultsError, match="not empty"):
        check_out(out)
    with pytest.raises(ResultsError, match="not a run folder"):
        write_run(out, synthetic.complete_tables(), synthetic.meta(), force=True)
    assert leftovers(out) == ["thesis.txt"]
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(ResultsError, match="not a folder"):
        check_out(file)


def test_force_replaces_a_run_whole(written, synthetic):
    out, digests = written
    (out / "report.html").write_text("old")
    again = write_run(out, synthetic.complete_tables(), synthetic.meta(seed=8), force=True)
    assert again.tables["meters"] == digests.tables["meters"]
    assert not (out / "report.html").exists()
    assert not (out / "twin").exists()
    assert open_run(out).meta["seed"] == 8
    assert leftovers(out.parent) == ["run"]


def test_an_empty_folder_may_be_used(tmp_path, synthetic):
    (tmp_path / "new").mkdir()
    write_run(tmp_path / "new", synthetic.complete_tables(), synthetic.meta())
    assert open_run(tmp_path / "new").meta["seed"] == 7


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device"), RuntimeError("x")])
def test_an_interrupted_write_leaves_nothing(tmp_path, synthetic, monkeypatch, error):
    calls = []

    def failing(*args, **kwargs):
        calls.append(args)
        if len(calls) == 5:
            raise error
        return write(*args, **kwargs)

    write = pq.write_table
    monkeypatch.setattr(results.pq, "write_table", failing)
    expected = ResultsError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected) as caught:
        write_run(tmp_path / "run", synthetic.complete_tables(), synthetic.meta())
    assert leftovers(tmp_path) == []
    assert not isinstance(error, OSError) or "No space left" in str(caught.value)


def test_an_interrupted_replacement_keeps_the_old_run(written, synthetic):
    out, digests = written

    def interrupted(folder):
        assert open_run(folder).meta["digest"]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_run(out, synthetic.complete_tables(), synthetic.meta(seed=9), force=True, finish=interrupted)
    assert open_run(out).digests() == digests
    assert leftovers(out.parent) == ["run"]


def test_what_finish_adds_comes_with_the_run(tmp_path, synthetic):
    out = tmp_path / "deep" / "run"
    write_run(out, synthetic.complete_tables(), synthetic.meta(), finish=lambda f: (f / "report.html").write_text("r"))
    assert (out / "report.html").read_text() == "r"


def test_an_unwritable_place_is_refused_whoever_asks(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ResultsError, match=f"{tmp_path} is not writable"):
        check_out(tmp_path / "a" / "run")


def test_meta_must_say_what_a_replay_needs(tmp_path, synthetic):
    meta = synthetic.meta()
    del meta["seed"]
    with pytest.raises(ResultsError, match="lacks seed"):
        write_run(tmp_path / "run", synthetic.complete_tables(), meta)
    with pytest.raises(ResultsError, match="cannot hold"):
        write_run(tmp_path / "run", synthetic.complete_tables(), synthetic.meta(wall_s=float("nan")))
    assert leftovers(tmp_path) == []


def test_what_is_not_a_run_is_named(tmp_path, written):
    with pytest.raises(ResultsError, match="does not exist"):
        open_run(tmp_path / "nowhere")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.csv").write_text("")
    with pytest.raises(ResultsError, match=r"not a run folder.*a\.csv"):
        open_run(tmp_path / "other")
    run = open_run(written[0])
    with pytest.raises(ResultsError, match="did you mean 'meters'"):
        run.table("meter")
    with pytest.raises(KeyError):
        run.tables["meter"]


def test_another_format_or_broken_files_are_refused(written):
    out, _ = written
    file = out / "run.json"
    meta = json.loads(file.read_text())
    file.write_text(json.dumps(meta | {"format": 99}))
    with pytest.raises(ResultsError, match="format 99"):
        open_run(out)
    file.write_text("{")
    with pytest.raises(ResultsError, match=r"run\.json cannot be read"):
        open_run(out)
    file.write_text(json.dumps(meta))
    (out / "meters.parquet").write_bytes(b"nonsense")
    with pytest.raises(ResultsError, match=r"meters\.parquet cannot be read"):
        open_run(out).table("meters")
