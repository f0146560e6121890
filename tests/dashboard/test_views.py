"""What the pages show of runs: the same numbers as the figures, and every page of runs that lack things."""

import dataclasses
import json
import re

import numpy as np
import pytest

from dashboard import page_grid, reading, shelf
from dashboard.charts import MS_PER_DAY, clock, day_of, in_stretches, to_its_end
from dashboard.page_cases import findings
from dashboard.page_grid import worst_branches, worst_instant
from dashboard.page_homes import _here, stacked, typical
from dashboard.page_lights import lights
from dashboard.page_market import _NEEDED, largest_need
from dashboard.page_money import money_by_kind
from dashboard.page_talks import _short, excerpt
from dashboard.pages import PAGES
from dashboard.reading import rows
from dashboard.sankey import sankey
from dashboard.shown import Shown
from experiments.figures import stored_figures
from experiments.kpis.facts import Facts
from experiments.plots.market import KIND_COLOURS, KIND_NAMES, money_flows
from experiments.results import open_run, write_run
from tests.dashboard.conftest import command, html
from tests.experiments import synthetic_run


@pytest.fixture(scope="module")
def first(shelf):
    return Shown("first", "#000000", open_run(shelf / "first"))


def delivery(run):
    return int(run.meta["delivery_start_ms"]), int(run.meta["delivery_end_ms"])


@pytest.mark.parametrize("name", PAGES)
def test_every_page_shows_two_runs(page, shelf, name):
    app = page(page=name, runs=[str(shelf / "first"), str(shelf / "second")])
    assert not app.error


def test_the_grid_of_one_run_is_shown_with_and_without_coordination(page, shelf):
    app = page(page="Grid", runs=[str(shelf / "first")])
    shown = html(app)
    assert "without coordination" in shown
    assert "with coordination" in shown


@pytest.mark.parametrize("name", [name for name in PAGES if name not in ("What if", "Conversations")])
def test_every_page_says_what_a_bare_run_lacks(page, tmp_path, name):
    run = tmp_path / "bare"
    write_run(run, synthetic_run.bare_tables(), synthetic_run.meta())
    app = page(folder=run, page=name, runs=[str(run)])
    assert not app.error
    said = html(app) + "".join(one.value for one in app.info)
    assert said.count("cf-soft") > 1 or app.dataframe or "cf-card" in said


def test_the_worst_branch_and_instant_are_those_of_the_figures(first):
    figures = stored_figures(first.run)
    branches = dict(worst_branches([first], delivery))
    peak = max(figures["peak_loading_percent"], stored_figures(first.run, twin=True)["peak_loading_percent"])
    assert max(branches.values()) == pytest.approx(peak)
    t_ms = worst_instant(first, delivery)
    at = reading.rows(first.run, "select max(loading_percent) worst from {twin/grid_branches} where t_ms = ?", [t_ms])
    assert at["worst"].iloc[0] == pytest.approx(stored_figures(first.run, twin=True)["peak_loading_percent"])


def test_devices_on_top_of_each_other_end_at_the_net_load(first):
    home = typical(first.run)
    frame = reading.rows(
        first.run, "select t_ms, kind, power_kw, state from {devices} where owner = ? order by t_ms", [home]
    )
    parts = stacked(frame, 900_000)
    up = parts[parts["power_kw"] > 0].groupby("t_ms")["high"].max()
    down = parts[parts["power_kw"] < 0].groupby("t_ms")["high"].min()
    net = frame.groupby("t_ms")["power_kw"].sum()
    both = up.reindex(net.index, fill_value=0.0) + down.reindex(net.index, fill_value=0.0)
    np.testing.assert_allclose(both, net, atol=0.02)
    assert len(parts)


def test_the_typical_home_is_one_that_delivered(first):
    acts = reading.rows(
        first.run, "select distinct split_part(actor, '/', 1) home from {acts} where act = 'start_delivery'"
    )
    assert typical(first.run) in set(acts["home"])


def test_money_by_kind_is_that_of_the_report(first):
    facts = Facts(first.run.tables, None, first.run.meta)
    wanted = {flow[:3]: flow[3] for flow in money_flows(facts)}
    found = {flow[:3]: flow[3] for flow in money_by_kind(first.run)}
    assert found == pytest.approx(wanted)
    assert found


def test_ribbons_of_money_are_as_wide_as_what_they_carry(first):
    flows = money_by_kind(first.run)
    picture = sankey(flows, KIND_NAMES, KIND_COLOURS)
    titles = re.findall(r"<title>([^<]+), ([\d,.]+) EUR</title>", picture)
    total = sum(flow[3] for flow in flows)
    told = sum(float(eur.replace(",", "")) for text, eur in titles if " to " in text)
    assert told == pytest.approx(total, abs=0.01 * len(flows) + 0.01)
    assert sankey([], KIND_NAMES, KIND_COLOURS) == ""
    assert "<script" not in sankey([("dso", "homes", "<script>", 1.0)], KIND_NAMES, KIND_COLOURS)


def test_the_session_begins_at_the_largest_need(first):
    t_ms = largest_need(first.run, delivery(first.run))
    frame = reading.rows(first.run, "select t_ms, sum(needed_kw) kw from {clearings} group by 1")
    assert frame.set_index("t_ms")["kw"][t_ms] == frame["kw"].max()


def test_findings_of_steps_are_all_there(first):
    whole = findings(first.run, "all", ["made", "late", "broken", "excused", "not_reached"])
    steps = reading.rows(first.run, "select suc, step from {conformance}")
    assert sum(len(text.split(", ")) for text in whole["steps"]) == len(steps)


def test_only_what_is_asked_for_is_read(first):
    run = shelf.opened(first.run.path)
    reading.rows(run, "select count(*) from {devices}")
    assert run.tables._read == {}
    with pytest.raises(KeyError, match="nothing_like_it"):
        reading.rows(run, "select * from {nothing_like_it}")
    assert not reading.has(run, "nothing_like_it")


def test_a_run_written_again_is_read_again(tmp_path):
    folder = tmp_path / "again"
    synthetic_run.write(folder)
    before = reading.rows(open_run(folder), "select count(*) n from {homes}")["n"].iloc[0]
    tables = synthetic_run.complete_tables()
    tables["homes"] = {name: values[:-1] for name, values in tables["homes"].items()}
    write_run(folder, tables, synthetic_run.meta(), force=True)
    assert reading.rows(open_run(folder), "select count(*) n from {homes}")["n"].iloc[0] == before - 1


@pytest.fixture(scope="module")
def lit(tmp_path_factory):
    """A run with traffic lights as a register of flexibility keeps them, worked out twice."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = tmp_path_factory.mktemp("lit") / "lit"
    synthetic_run.write(folder)
    start = synthetic_run.meta()["delivery_start_ms"]
    entries = [
        {
            "made_ms": made,
            "perimeter": place,
            "t_ms": start + hour * 3_600_000,
            "direction": "up",
            "colour": colour,
            "capability_kw": 10.0,
        }
        for made, colour in ((1, "red"), (2, "green"))
        for place in ("CP-1", "CP-2")
        for hour in range(24)
    ]
    pq.write_table(pa.Table.from_pylist(entries), folder / "dynamic_lights.parquet")
    return folder


def test_of_lights_worked_out_again_the_last_is_in_force(lit, page):
    run = open_run(lit)
    frame = lights(run, delivery(run), "up")
    assert len(frame) == 48
    assert set(frame["colour"]) == {"green"}
    assert lights(run, delivery(run), "down").empty
    app = page(folder=lit, page="Lights", runs=[str(lit)])
    assert app.header[0].value == "Lights over the day"


def test_the_page_of_files_gives_the_scenario_of_the_run(page, shelf):
    app = page(page="Files", runs=[str(shelf / "first")])
    assert "coflex run first.yaml --seed 7" in command(app)
    assert {"Scenario file", "Parquet, for programs (all rows)", "CSV, for spreadsheets (these rows)"} <= {
        one.label for one in app.get("download_button")
    }


def test_titles_of_scenarios_cannot_bring_in_markup(page, tmp_path):
    folder = tmp_path / "marked"
    meta = synthetic_run.meta()
    meta["scenario"] = json.loads(json.dumps(meta["scenario"])) | {"title": "<img src=x onerror=alert(1)>"}
    write_run(folder, synthetic_run.complete_tables(), meta)
    shown = html(page(folder=folder, page="Figures", runs=[str(folder)]))
    assert "<img" not in shown


def test_a_conversation_by_itself_is_drawn_as_in_the_whole_run(first, tmp_path):
    from experiments.diagram import sequences

    talks = reading.rows(first.run, "select suc, min(conversation) talk from {conversations} group by 1 order by 1")
    for number, (suc, talk) in enumerate(talks.itertuples(index=False)):
        small = tmp_path / str(number)
        excerpt(first.run, talk, small)
        assert sequences(open_run(small).tables, suc, talk) == sequences(first.run.tables, suc, talk)


def test_runs_of_other_days_are_laid_over_each_other(first, tmp_path):
    import pandas as pd

    later = tmp_path / "later"
    synthetic_run.write(later, begins="2016-07-18T12:00:00+02:00")
    run = open_run(later)
    t_ms = pd.Series([run.meta["delivery_start_ms"], run.meta["delivery_end_ms"] - 1])
    moved = clock(run, t_ms, first.run)
    assert list(moved.dt.date) == [first.run.local(int(t)).date() for t in t_ms]
    assert list(clock(run, t_ms).dt.month) == [7, 7]


def test_of_runs_of_different_length_the_days_that_all_have_are_shown(first):
    start, end = delivery(first.run)
    longer = Shown(
        "longer",
        "#000000",
        dataclasses.replace(first.run, meta={**first.run.meta, "delivery_end_ms": end + 2 * MS_PER_DAY}),
    )
    span = day_of([longer, first])
    assert (span(longer.run), span(first.run)) == ((start, end), (start, end))
    assert day_of([longer], "alone")(longer.run) == (start, end + 2 * MS_PER_DAY)


def test_a_part_that_a_network_has_not_is_that_which_is_loaded_most(first, monkeypatch):
    monkeypatch.setattr(page_grid, "zones", lambda _: ["north", "south"])
    monkeypatch.setattr(page_grid, "_zone_of_worst", lambda *_: "south")
    parts = ("north", "elsewhere", None)
    assert [page_grid._part_of(first, part, delivery) for part in parts] == ["north", "south", None]


def test_the_branch_loaded_most_at_each_time_is_drawn_too(page, shelf):
    app = page(page="Grid", runs=[str(shelf / "first"), str(shelf / "second")])
    app.selectbox(key="branch").set_value(page_grid._ANY).run()
    assert not app.exception
    assert not app.error


def test_needs_of_copies_are_summed(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = tmp_path / "copied"
    synthetic_run.write(folder)
    query = f"select sum(quantity_kw) kw from {_NEEDED}"
    once = rows(open_run(folder), query)["kw"].iloc[0]
    needs = pq.read_table(folder / "needs.parquet", partitioning=None)
    marked = [f"copy-2:{name}" for name in needs["constraint"].to_pylist()]
    place = needs.schema.get_field_index("constraint")
    copied = needs.set_column(place, needs.schema.field(place), pa.array(marked).cast(needs.schema.field(place).type))
    pq.write_table(pa.concat_tables([needs, copied]), folder / "needs.parquet")
    reading._answer.cache_clear()
    assert once > 0
    assert rows(open_run(folder), query)["kw"].iloc[0] == pytest.approx(2 * once)


def test_a_home_that_a_run_has_not_is_a_typical_one_of_its_own(first):
    some = typical(first.run)
    assert _here(first.run, some) == some
    assert _here(first.run, "home-of-another-run") == some


def test_a_series_is_drawn_to_the_end_of_its_last_step():
    import pandas as pd

    frame = to_its_end(pd.DataFrame({"t_ms": [0, 900_000], "v": [1.0, 2.0]}), 900_000)
    assert frame["t_ms"].tolist() == [0, 900_000, 1_800_000]
    assert frame["v"].tolist() == [1.0, 2.0, 2.0]


def test_nothing_is_drawn_where_a_series_knows_nothing():
    import pandas as pd

    step = 900_000
    gappy = pd.DataFrame({"t_ms": [0, step, 8 * step, 0], "what": ["a", "a", "a", "b"], "kw": [1.0, 2.0, 3.0, 4.0]})
    drawn = in_stretches(gappy, step, ["what"])
    assert drawn.groupby("stretch")["t_ms"].agg(["min", "max"]).to_numpy().tolist() == [[0, 2 * step], [8 * step, 9 * step], [0, step]]  # fmt: skip
    assert drawn.groupby("stretch")["what"].nunique().eq(1).all()
    assert (drawn.groupby("stretch")["kw"].nth(-1).tolist()) == [2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("talk", "short"),
    [
        ("SUC06.2/1:dso-1:dso-1/2016-01-19/fsp-mar/LV3.202/001", "dso-1/fsp-mar/LV3.202/001"),
        ("SUC02.1/1:ec-1:2016-04-12", "ec-1"),
        ("billing:retailer-1:43200000", "billing:retailer-1:43200000"),
    ],
)
def test_conversations_are_called_by_what_tells_them_apart(talk, short):
    assert _short(talk) == short


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A run with a community of two, settled for a day, and the bill of one of them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = tmp_path_factory.mktemp("shared") / "shared"
    synthetic_run.write(folder)
    start, end = synthetic_run.meta()["delivery_start_ms"], synthetic_run.meta()["delivery_end_ms"]
    energies = [
        {
            "community": "ec-1",
            "member": member,
            "t_ms": t_ms,
            "self_consumed_kwh": 0.5,
            "supplied_kwh": 1.0,
            "surplus_kwh": 0.25,
        }
        for member in ("home-0001", "home-0002")
        for t_ms in range(start, end, 900_000)
    ]
    prices = [{"community": "ec-1", "t_ms": start, "price_eur_per_kwh": 0.1, "traded_kwh": 1.0}]
    euros = {
        "supply_eur": 3.0,
        "grid_eur": 0.5,
        "internal_eur": 1.0,
        "shortfall_eur": 0.0,
        "surplus_eur": 0.5,
        "flexibility_eur": 0.0,
    }
    settled = [
        {"community": "ec-1", "member": member, "from_ms": start, "to_ms": end, "bought_kwh": 1.0, "sold_kwh": 0.0, "self_consumed_kwh": 2.0,
         "supplied_kwh": 3.0, "surplus_kwh": 1.0, **euros, "alone_eur": alone, "avoided_kg": 0.0}
        for member, alone in (("home-0001", 6.0), ("home-0002", 3.0))
    ]  # fmt: skip
    for name, entries in (
        ("community_energies", energies),
        ("community_prices", prices),
        ("community_settlements", settled),
    ):
        pq.write_table(pa.Table.from_pylist(entries), folder / f"{name}.parquet")
    return folder


def test_what_members_of_a_community_save_is_told(shared, page):
    app = page(folder=shared, page="Communities", runs=[str(shared)])
    assert not app.error
    assert "2 members pay 8.00 EUR inside; alone they would pay 9.00 EUR: 1.00 EUR (11.1 %) saved." in html(app)
    assert sorted(app.dataframe[0].value["saved"].tolist()) == [-1.0, 2.0]
