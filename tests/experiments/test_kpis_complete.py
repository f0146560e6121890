import numpy as np
import pytest

from experiments.kpis.complete import DECLARATIONS, RECEIPTS, complete
from experiments.report import write_report
from experiments.results import open_run, write_run


def recorded(synthetic):
    """What a world records: no true delivery, no conformance, no figures; baselines declared with their meters."""
    tables = synthetic.tables()
    del tables["conformance"], tables["deliveries"]["true_kw"]
    of = {
        fsp: [f"{h}/meter" for i, h in enumerate(synthetic.HOMES) if synthetic.fsp_of(i) == fsp]
        for fsp in synthetic.FSPS
    }
    tables[DECLARATIONS] = {
        "row": [1, 2], "fsp": synthetic.FSPS, "area": ["T1"] * 2, "from_ms": [0, 0], "step_s": [900.0] * 2,
        "power_kw": np.zeros((2, synthetic.N)), "meters": [of[fsp] for fsp in synthetic.FSPS],
    }  # fmt: skip
    return tables


CASE = {"made_steps": ["1.1"], "not_reached": ["1.2"], "late": [], "broken": [], "excused": []}


def test_what_is_computed_is_added(synthetic, tmp_path):
    done = complete(recorded(synthetic), synthetic.meta(), synthetic.twin_tables(), {"SUC06.2": CASE})
    assert done.tables["deliveries"].column("true_kw").to_pylist() == pytest.approx(
        synthetic.market()["deliveries"]["true_kw"]
    )
    assert done.figures["steps_made"] == done.figures["steps_not_reached"] == 1
    assert done.figures["flexibility_true_kwh"] == pytest.approx(sum(synthetic.market()["deliveries"]["true_kw"]) / 4)
    assert done.twin_figures["overload_hours"] == 3
    write_run(tmp_path / "run", done.tables, synthetic.meta(), done.twin_tables, finish=write_report)
    run = open_run(tmp_path / "run")
    assert (run.path / "report.html").stat().st_size > 100_000
    assert run.table("figures").num_rows == len(done.figures)
    assert run.table("twin/figures").num_rows == len(done.twin_figures)


def test_a_call_is_accepted_by_a_receipt_and_not_by_silence(synthetic):
    tables = recorded(synthetic)
    calls = sorted(set(tables["activations"]["activation"]))
    assert len(calls) > 1
    tables[RECEIPTS] = {"row": [3, 4], "activation": calls[:2], "accepted": [True, False], "expected_kw": [1.0, 0.0]}
    done = complete(tables, synthetic.meta())
    rows = done.tables["activations"].to_pylist()
    assert {row["activation"] for row in rows if row["accepted"]} == {calls[0]}
    ordered = sum(row["ordered_kw"] for row in rows if row["activation"] == calls[0])
    assert done.figures["flexibility_activated_kwh"] == pytest.approx(ordered / 4)


def test_without_twin_the_truth_stays_unknown(synthetic):
    done = complete(recorded(synthetic), synthetic.meta())
    assert done.twin_tables is None
    assert done.twin_figures is None
    assert done.figures["flexibility_true_kwh"] is None
    assert done.figures["avoided_overload_hours"] is None
    assert done.figures["flexibility_delivered_kwh"] is not None
    assert done.figures["steps_made"] is None


def test_a_run_in_which_nothing_was_needed(synthetic):
    tables = recorded(synthetic)
    for name in ("needs", "bids", "clearings", "baselines", "activations", "deliveries", "settlements"):
        tables[name] = {}
    tables[DECLARATIONS] = {name: list(column)[:0] for name, column in tables[DECLARATIONS].items()}
    done = complete(tables, synthetic.meta(), synthetic.twin_tables())
    assert done.figures["flexibility_needed_kwh"] == 0, "the operator looked ahead and found nothing"
    nobody_looked = complete(tables | {"forecasts": {}}, synthetic.meta(), synthetic.twin_tables())
    assert nobody_looked.figures["flexibility_needed_kwh"] is None
    assert done.figures["flexibility_true_kwh"] is None
    assert done.tables["deliveries"].num_rows == 0
