import re
import sys
from html.parser import HTMLParser
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest

from experiments.plots import View
from experiments.report import report_html, write_report
from experiments.report.findings import _by_the_clock, conformance, disturbances
from experiments.report.page import paragraphs, table
from experiments.report.refusals import counted, refusals
from experiments.report.sections import _against_reinforcement, _command, market, sequence
from experiments.results import open_run, write_run
from experiments.results.schema import ResultsError
from experiments.scenario import load_scenario

SECTIONS = (
    "map", "day", "disturbances", "market", "refusals", "activation", "money", "home", "sequence", "conformance", "forecasts", "messages",
    "figures",
    "data", "reproduce",
)  # fmt: skip
VOID = {"meta", "br"}


class Page(HTMLParser):
    """What a page holds: tags balanced, ids, links, texts."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.tags, self.words = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            if name in {"href", "src", "xlink:href", "data"}:
                self.links.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.words.append(text)


@pytest.fixture(scope="module")
def run(synthetic_folder):
    return open_run(synthetic_folder)


@pytest.fixture(scope="module")
def html(run):
    return report_html(run)


def section(html, name):
    return re.search(rf'<section id="{name}">.*?</section>', html, re.S)[0]


def alone(make, run):
    """One section as the page has it, without what is drawn for the others."""
    return make(View(run)).page()


def test_every_section_is_there_and_linked(html):
    page = Page(html)
    for name in SECTIONS:
        assert name in page.ids
        assert f"#{name}" in page.links
    assert page.open == []
    assert "This run holds nothing" not in html


def test_a_regulator_finds_every_bidder_and_every_group(html, run):
    text = section(html, "regulator")
    for bidder in set(run.tables["bids"].to_pandas()["fsp"].astype(str)):
        assert f"<td>{bidder}</td>" in text
    assert "could not be met without the largest bidder" in text
    assert "Balance of a home with a car" in text


@pytest.mark.parametrize(
    "name", ["map", "day", "market", "activation", "money", "home", "sequence", "forecasts", "messages"]
)
def test_sections_with_a_chart_have_one(html, name):
    assert "<svg" in section(html, name)
    assert "<figcaption>" in section(html, name)


def test_the_page_needs_nothing_from_elsewhere(html):
    page = Page(html)
    assert all(link.startswith("#") or link.startswith("data:image/png;base64,") for link in page.links)
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert "@import" not in html
    assert "url(http" not in html
    assert len(html) < 3_000_000


def test_ids_are_unique_and_references_inside_pictures_are_met(html):
    page = Page(html)
    assert len(page.ids) == len(set(page.ids))
    wanted = {link[1:] for link in page.links if link.startswith("#")} | set(re.findall(r"url\(#([^)]+)\)", html))
    assert wanted <= set(page.ids)


def test_pictures_are_well_formed(html):
    pictures = re.findall(r"<svg.*?</svg>", html, re.S)
    assert len(pictures) >= 10
    for picture in pictures:
        ET.fromstring(picture)


def test_axes_are_labelled_with_units_and_local_time(html):
    day = section(html, "day")
    assert "loading (%)" in day
    assert "voltage (p.u.)" in day
    assert "local time" in day
    assert "18:00" in day
    assert "power (kW)" in section(html, "market")
    assert "price (EUR/kWh)" in section(html, "market")
    assert "19 Jan 19:30 local time" in section(html, "map")


def test_key_figures_show_both_worlds(html):
    head = html[: html.index("<nav>")]
    assert "<b>171.1</b> %" in head
    assert "without coordination: 172.9 %" in head
    assert "A winter evening on one feeder" in head
    assert "19 January 2016" in head
    assert "12 homes" in head


def test_notices_and_the_way_to_reproduce_are_told(html, run):
    assert "Contains information from SimBench" in section(html, "data")
    text = section(html, "reproduce")
    assert "coflex replay DIR" in text
    assert run.meta["digest"] in text
    assert "--seed 7" in text


def test_money_and_conformance_are_tables(html):
    assert "<td>homes</td><td>retailer</td><td>retail energy</td>" in section(html, "money")
    steps = section(html, "conformance")
    assert "took 61 s" in steps
    assert "not reached" in steps


def test_steps_with_one_fate_for_one_reason_are_one_line(synthetic, tmp_path):
    tables = synthetic.complete_tables()
    rows = [("SUC06.2", step, "excused", "impossible: no meter") for step in ("1.4", "1.5")]
    rows += [("SUC06.1", step, "not_reached", "") for step in ("1.1", "1.2", "2.9")]
    names = ("suc", "step", "verdict", "detail")
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    tables["conformance"] = columns | {"scenario": [""] * len(rows), "conversation": [""] * len(rows)}
    write_run(tmp_path / "run", tables, synthetic.meta(), synthetic.complete_twin_tables())
    steps = alone(conformance, open_run(tmp_path / "run"))
    assert "<td>1.4, 1.5</td><td>excused</td><td></td><td>impossible: no meter</td>" in steps
    assert "<td>1.1, 1.2</td><td>not reached</td><td></td><td>no conversation began scenario 1" in steps
    assert "<td>2.9</td><td>not reached</td><td></td><td>its conversations ended before</td>" in steps


def test_disturbances_are_told_with_their_times(synthetic, tmp_path):
    tables, meta = synthetic.complete_tables(), synthetic.meta()
    tables["events"] = {
        "t_ms": [30 * synthetic.HOUR_MS],
        "kind": ["opened"],
        "element": ["L1"],
        "text": ["L1 is out of service"],
    }
    meta["scenario"]["events"] = [{"from": "day 1 19:00", "to": "day 1 20:00", "platform_down": "gdbn"}]
    meta["scenario"]["faults"] = [
        {"party": "fsp-mar", "delivers": 0.6, "drop_acknowledgements": 0.0},
        {"party": "fsp-sol", "silent": {"from": "day 1 18:00"}, "drop_acknowledgements": 0.25},
    ]
    write_run(tmp_path / "run", tables, meta, synthetic.complete_twin_tables())
    told = alone(disturbances, open_run(tmp_path / "run"))
    assert re.findall("<td>(.*?)</td><td>(.*?)</td>", told) == [
        ("19 Jan 18:00", "L1 is out of service"),
        ("19 Jan 19:00 to 19 Jan 20:00", "platform gdbn is down"),
        ("throughout", "fsp-mar passes on 60% of what it was ordered"),
        ("19 Jan 18:00", "fsp-sol sends and answers nothing"),
        ("throughout", "25% of the acknowledgements of fsp-sol get lost"),
    ]


def test_refusals_are_told_with_their_reasons(synthetic, tmp_path):
    """What of a bid was not taken, who was refused at the door, whose baseline was not stored: each with how often and why."""
    tables = synthetic.complete_tables()
    bids = {name: list(column) for name, column in tables["bids"].items()}
    bids["accepted_kw"] = [kw / 2 for kw in bids["quantity_kw"]]
    bids["reason"] = ["only a part was needed"] * len(bids["bid"])
    reason = ["signature does not fit", *[None] * (len(tables["messages"]["row"]) - 1)]
    status = ["refused", *list(tables["messages"]["status"])[1:]]
    tables |= {"bids": bids, "messages": tables["messages"] | {"status": status, "reason": reason}}
    tables["refused_baselines"] = {"baseline": ["baseline/fsp-sol/T1/0"], "t_ms": [0], "reason": ["it came late"]}
    write_run(tmp_path / "run", tables, synthetic.meta(), synthetic.complete_twin_tables())
    told = alone(refusals, open_run(tmp_path / "run"))
    hours = View(open_run(tmp_path / "run")).facts.market_hours
    for fsp in set(bids["fsp"]):
        left = [kw / 2 for one, kw in zip(bids["fsp"], bids["quantity_kw"], strict=True) if one == fsp]
        line = f'<td>{fsp}</td><td>the market</td><td class="n">{len(left)}</td><td class="n">{sum(left) * hours:,.1f}</td>'
        assert line in told
    for words in ("only a part was needed", "signature does not fit", "it came late", "<td>fsp-sol</td>"):
        assert words in told


def test_flexibility_is_compared_with_a_stronger_grid():
    values = {"reinforcement_eur_per_year": 583.0, "breakeven_days_per_year": 186.2, "flexibility_cost_eur": 3.14}
    assert "on up to 186 days a year" in _against_reinforcement(values)
    assert "on every day of the year" in _against_reinforcement(values | {"breakeven_days_per_year": 366.0})
    assert _against_reinforcement(values | {"reinforcement_eur_per_year": None}) == ""
    voltages = {"reinforcement_eur_per_year": None, "avoided_voltage_violation_hours": 3.0}
    assert "worked out for overloads alone" in _against_reinforcement(values | voltages)


def test_many_who_refuse_for_one_reason_are_counted_not_named():
    signals = [("ActivationSignal", "fsp-sol", f"home-{number:04}", 0.0, "signature") for number in range(4)]
    orders = [("ActivationRequest", "dso-1", by, 2.5, "signature") for by in ("gdbn-1", "fsp-sol", "gdbn-1")]
    assert counted([*signals, *orders]) == {
        ("ActivationSignal", "fsp-sol", "4 receivers", "signature"): [0.0] * 4,
        ("ActivationRequest", "dso-1", "gdbn-1", "signature"): [2.5, 2.5],
        ("ActivationRequest", "dso-1", "fsp-sol", "signature"): [2.5],
    }


def test_a_day_without_purchase_says_why(synthetic, tmp_path):
    tables = synthetic.bare_tables()
    tables["conversations"] |= {"outcome": ["refused"] * 3, "reason": ["no violation is foreseen", None, None]}
    write_run(tmp_path / "run", tables, synthetic.meta())
    assert "Nothing was bought: no violation is foreseen." in alone(market, open_run(tmp_path / "run"))


def test_instants_of_findings_are_local_times(run):
    assert _by_the_clock(View(run), "Bid at 108900.250 s: never arrived") == "Bid at 19 Jan 18:15: never arrived"


def test_the_command_says_when_the_scenario_is_not_the_shipped_one(synthetic):
    shipped = load_scenario("district-day").as_data()
    meta = {"seed": 3, "twin": True, "scenario": shipped}
    assert _command(meta) == "coflex run district-day --seed 3"
    changed = load_scenario("district-day", ["people.0.devices.ev=80%"]).as_data()
    assert "not the shipped one" in _command(meta | {"scenario": changed})
    assert "not the shipped one" in _command(synthetic.meta())


def test_without_coordination_is_explained_where_there_is_a_twin(html):
    assert "the twin of the run: the same people, weather and devices" in html[: html.index("<nav>")]


def test_all_figures_carry_their_definition(html):
    text = section(html, "figures")
    assert "Largest loading of any line or transformer" in text
    assert 'title="baseline_rrmse"' in text
    assert 'class="n better">-35.90' in text


def test_the_same_run_gives_the_same_page(run, html):
    assert report_html(open_run(run.path)) == html


def test_a_report_is_written_into_the_run_or_elsewhere(synthetic_folder, tmp_path):
    assert write_report(synthetic_folder, tmp_path / "x.html") == tmp_path / "x.html"
    assert (tmp_path / "x.html").read_text().startswith("<!DOCTYPE html>")
    with pytest.raises(ResultsError):
        write_report(tmp_path)


def test_a_run_with_little_in_it_has_a_report_that_says_so(synthetic, tmp_path):
    write_run(tmp_path / "run", synthetic.bare_tables(), synthetic.meta(notices=[]))
    html = report_html(open_run(tmp_path / "run"))
    missing = [name for name in SECTIONS if "<svg" not in section(html, name)]
    assert set(missing) >= {"map", "market", "activation", "money", "home", "forecasts", "conformance", "data"}
    for name in set(missing) - {"figures", "reproduce", "conformance"}:
        assert 'class="soft"' in section(html, name)
    assert "<svg" in section(html, "day")
    assert "without coordination" not in html[: html.index("<nav>")]
    assert "--no-twin" in section(html, "reproduce")


def test_a_run_without_any_conversation_or_flow(synthetic, tmp_path):
    tables = synthetic.bare_tables()
    for name in ("messages", "conversations", "grid_branches", "grid_buses", "meters"):
        tables[name] = {key: list(column)[:0] for key, column in tables[name].items()}
    write_run(tmp_path / "run", tables, synthetic.meta())
    html = report_html(open_run(tmp_path / "run"))
    assert "No conversation of SUC06.2 took place" in html
    assert Page(html).open == []


def test_a_diagram_that_fails_does_not_take_the_report_with_it(run, monkeypatch):
    module = ModuleType("experiments.diagram")

    def draw(*args, **kwargs):
        raise RuntimeError("no <lifelines>")

    module.draw = draw
    monkeypatch.setitem(sys.modules, "experiments.diagram", module)
    text = alone(sequence, run)
    assert "could not be drawn: RuntimeError: no &lt;lifelines&gt;" in text


def test_words_of_a_scenario_cannot_become_markup(synthetic, tmp_path):
    scenario = synthetic.meta()["scenario"] | {"title": "<script>alert(1)</script>", "about": "a < b\n\nsecond"}
    write_run(tmp_path / "run", synthetic.bare_tables(), synthetic.meta(scenario=scenario))
    html = report_html(open_run(tmp_path / "run"))
    assert "<script" not in html
    assert "<p>a &lt; b</p><p>second</p>" in html


def test_a_day_with_a_clock_change_is_drawn_on_the_local_clock(synthetic, tmp_path):
    # 27 March 2016: 01:59 is followed by 03:00 in Rome
    meta = synthetic.meta(begins="2016-03-26T12:00:00+01:00")
    write_run(tmp_path / "run", synthetic.bare_tables(), meta)
    run = open_run(tmp_path / "run")
    assert [run.local(t * 3_600_000).hour for t in (12, 13, 14, 15)] == [0, 1, 3, 4]
    assert "27 March 2016" in report_html(run)


def test_tables_and_paragraphs_escape():
    assert '<td class="n">1 &lt; 2</td>' in table(("a",), [("1 < 2",)], numbers=(0,))
    assert paragraphs("a\nb\n\n\n") == "<p>a b</p>"
