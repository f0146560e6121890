"""A whole study: money, energy and days add up; the same seed gives the same digest; the report and the command line."""

import json

import numpy as np
import pytest

from experiments.cli import run_cli
from experiments.covers import covers

COMMUNITY = "community"


def frame(tables, name):
    return tables[name].to_pandas()


def test_weights_add_up_to_the_days_of_the_year(small_tables):
    days = frame(small_tables, "representative_days")
    assert days["weight"].sum() == 365.0
    assert len(days) == 4
    assert days["extreme"].sum() in (1, 2)
    assert (days[days["extreme"]]["weight"] == 1.0).all()
    stands = frame(small_tables, "represented_days")
    assert len(stands) == 365
    np.testing.assert_allclose(stands["position"].value_counts().sort_index(), days["weight"])


@covers("SUC01.1/r09", "SUC01.1/r10", "SUC01.1/r11", "SUC01.1/F-6", "SUC01.1/F-8")
def test_consumption_is_completed_with_its_error(small_tables):
    filled = frame(small_tables, "completions").set_index("member")
    assert filled.loc["cal", "method"] == "scaled-profile"
    assert filled.loc["cal", "annual_kwh"] == pytest.approx(9000.0)
    assert filled.loc["bea", "missing_steps"] > 300
    assert filled.loc["bea", "method"] in ("own-usual-day", "typical-profile")
    assert 0.0 < filled.loc["bea", "rms_share"] <= filled.loc["bea", "other_rms_share"]
    assert abs(filled.loc["bea", "bias_share"]) < 0.15


@covers("SUC01.1/r12", "SUC01.1/F-7", "SUC01.1/F-9")
def test_generation_is_simulated_from_the_weather_of_the_place(small_tables):
    yields = frame(small_tables, "simulated_yields").set_index("plant")["kwh_per_kwp"]
    assert set(yields.index) == {"ana/pv", "hall/pv"}
    assert ((yields > 1200.0) & (yields < 1700.0)).all()


def test_annual_energy_is_that_of_the_year(small_tables):
    days = frame(small_tables, "representative_days").set_index("position")["weight"]
    profiles = frame(small_tables, "study_profiles")
    stands = profiles["load_kw"] * profiles["position"].floordiv(24).map(days)
    annual = stands.groupby(profiles["site"], observed=True).sum()
    for member, kwh in frame(small_tables, "completions").set_index("member")["annual_kwh"].items():
        assert annual[member] == pytest.approx(kwh, rel=1e-4)  # the days on which clocks change count 24 hours here


@covers("SUC01.1/r24", "SUC01.1/r08")
def test_prices_lie_between_opportunity_costs_and_payments_sum_to_nothing(small_tables):
    trade = frame(small_tables, "transactions")
    prices = frame(small_tables, "study_profiles")
    trade = trade.merge(prices, on=["site", "position"])
    traded = trade[trade["traded_kwh"].abs() > 1e-9]
    assert len(traded) > 50
    buys = traded[traded["traded_kwh"] > 0]
    assert (buys["price_eur_per_kwh"] <= buys["buy_eur_per_kwh"] + 1e-9).all()
    sells = traded[traded["traded_kwh"] < 0]
    assert (sells["price_eur_per_kwh"] >= sells["sell_eur_per_kwh"] - 1e-9).all()
    sums = trade.groupby(["model", "position"], observed=True)[["traded_kwh", "paid_eur"]].sum()
    assert sums.abs().to_numpy().max() < 1e-9
    assert (traded["traded_kwh"].abs() <= traded["net_kw"].abs() + 1e-9).all()
    assert (np.sign(traded["traded_kwh"]) == np.sign(traded["net_kw"])).all()


@covers("SUC01.1/r19")
def test_what_members_pay_adds_up_to_what_the_community_pays(small_tables):
    money = frame(small_tables, "investments")
    for _, part in money.groupby("model", observed=True):
        whole = part[part["account"] == COMMUNITY].iloc[0]
        for column in ("investment_eur", "capital_eur", "operation_eur", "total_eur", "today_eur", "npv_eur"):
            assert part[part["account"] != COMMUNITY][column].sum() == pytest.approx(whole[column], abs=1e-6)


def test_the_community_pays_retailers_and_plants_and_nothing_else(small_tables):
    """Cost worked out again from net loads, prices and sizes."""
    from environment.people import tariffs

    days = frame(small_tables, "representative_days").set_index("position")["weight"]
    trade = frame(small_tables, "transactions").merge(frame(small_tables, "study_profiles"), on=["site", "position"])
    rest = trade["net_kw"] - trade["traded_kwh"]
    weight = trade["position"].floordiv(24).map(days)
    energy = (
        rest.clip(lower=0) * trade["buy_eur_per_kwh"] - (-rest).clip(lower=0) * trade["sell_eur_per_kwh"]
    ) * weight
    sizes = frame(small_tables, "sizes")
    opex = {"pv": 16.0, "battery": 5.0}
    fixed = {"ana": ("es-20td-2025", 4.6), "bea": ("es-20td-2025", 3.45), "cal": ("es-flat-2025", 10.0)}
    standing = sum(sum(tariffs.tariff(name).fixed_eur(kw, 365.0).values()) for name, kw in fixed.values())
    plans = frame(small_tables, "schedules")
    for model, part in trade.groupby("model", observed=True):
        upkeep = sum(
            capacity * opex[kind]
            for kind, capacity in sizes[sizes["model"] == model][["technology", "capacity"]].to_numpy()
        )
        battery = plans[(plans["model"] == model) & plans["plant"].str.endswith("/battery")]
        wear = (battery["power_kw"].clip(lower=0) * battery["position"].floordiv(24).map(days)).sum() * 0.005
        found = (
            frame(small_tables, "investments")
            .query("model == @model and account == 'community'")["operation_eur"]
            .iloc[0]
        )
        assert found == pytest.approx(energy[part.index].sum() + standing + upkeep + wear, rel=1e-6)


@covers("SUC01.1/r22")
def test_indicators_follow_from_the_tables(small_tables):
    indicators = frame(small_tables, "study_indicators").pivot(index="indicator", columns="model", values="value")
    money = frame(small_tables, "investments").query("account == 'community'").set_index("model")
    for model in indicators.columns:
        one, whole = indicators[model], money.loc[model]
        assert one["cost_reduction"] == pytest.approx(1.0 - whole["total_eur"] / whole["today_eur"])
        assert one["payback_years"] == pytest.approx(
            whole["investment_eur"] / (whole["today_eur"] - whole["operation_eur"])
        )
        assert 0.0 <= one["sharing_ratio"] <= 1.0
        assert one["self_consumption"] == pytest.approx(1.0 - one["sold_kwh"] / one["generation_kwh"])


@covers("SUC01.1/r14")
def test_business_models_differ_as_they_should(small_tables):
    indicators = frame(small_tables, "study_indicators").pivot(index="indicator", columns="model", values="value")
    assert indicators.loc["cost_eur"].idxmin() == "together"
    assert indicators.loc["bought_kwh"].idxmin() == "own-use"
    assert (indicators.loc["cost_eur"] <= indicators.loc["cost_today_eur"] * 1.0001).all()
    assert indicators.loc["members_worse_off", "investor"] == 0
    sizes = frame(small_tables, "sizes")
    assert (sizes[(sizes["model"] == "investor") & (sizes["site"] != "hall")]["capacity"] == 0.0).all()
    money = frame(small_tables, "investments").query("model == 'investor'").set_index("account")
    assert money.loc["investor", "total_eur"] < 0.0
    assert money.loc["ana", "investment_eur"] == 0.0


@covers("SUC01.1/r20")
def test_flexibility_is_told_for_every_year_and_fades(small_tables):
    given = frame(small_tables, "flexibility").query("model == 'own-use'")
    assert sorted(given["year"].unique()) == list(range(1, 13))
    yearly = given.groupby("year")[["up_kw", "down_kw"]].sum()
    assert (yearly["down_kw"].diff().dropna() <= 1e-9).all()
    assert yearly["up_kw"].iloc[0] > 0.0


def test_no_roof_bears_more_than_it_can(small_tables):
    sizes = frame(small_tables, "sizes")
    assert (sizes["capacity"] <= sizes["most"] + 1e-9).all()
    np.testing.assert_allclose(sizes["units"], sizes["units"].round(), atol=1e-9)


def test_same_seed_same_digest_other_seed_another(small, small_run, tmp_path):
    from experiments.sizing.run import run_study
    from experiments.sizing.study import study_from

    again = run_study(study_from(small()), seed=3, out=tmp_path / "again", report=False)
    assert again.digest == small_run.digest
    other = run_study(
        study_from(small(front_points=0, business_models=[{"name": "together"}])),
        seed=4,
        out=tmp_path / "other",
        report=False,
    )
    assert other.digest != small_run.digest


def test_the_report_holds_what_a_manager_asks(small_run):
    text = (small_run.out / "report.html").read_text("utf-8")
    for words in (
        "Business models compared",
        "What to install",
        "Cost against emissions",
        "Members",
        "Flexibility over the horizon",
        "do not consent",
    ):
        assert words in text
    assert text.count("<svg") >= 4
    assert "nan" not in text.replace("finance", "")


def test_studies_are_compared_model_by_model(small_run, tmp_path, capsys):
    import shutil

    from experiments.compare import compare
    from experiments.results.schema import ResultsError

    folder = str(small_run.out)
    assert run_cli(["compare", folder, folder, "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    cost = said["figures"]["together/cost_eur"]
    assert cost["values"] == [small_run.indicators["together"]["cost_eur"]] * 2
    assert cost["differences"] == [0.0]
    assert said["figures"]["own-use/pv"]["values"][0] == pytest.approx(small_run.sizes["own-use"]["pv"])
    assert said["figures"]["together/price_settled"]["values"] == [None, None]  # no profit, no price to reckon with
    assert said["figures"]["investor/price_settled"]["values"][0] in (0.0, 1.0)
    text = compare([folder, folder]).text()
    assert "Own-use" in text
    assert "Photovoltaics installed" in text
    day = shutil.copytree(small_run.out, tmp_path / "day")
    meta = json.loads((day / "run.json").read_text("utf-8"))
    (day / "run.json").write_text(json.dumps({**meta, "kind": "day"}), "utf-8")
    with pytest.raises(ResultsError, match="compare studies with studies"):
        compare([folder, day])


def test_studies_are_listed_beside_scenarios(capsys):
    assert run_cli(["scenarios"]) == 0
    assert "Sizing studies (coflex size NAME):\ncommunity-plan  " in capsys.readouterr().out
    assert run_cli(["scenarios", "--studies", "--format", "json"]) == 0
    assert {one["name"]: one["usecases"] for one in json.loads(capsys.readouterr().out)} == {
        "community-plan": ["SUC01.1"]
    }


def test_other_commands_know_studies(capsys):
    assert run_cli(["validate", "community-plan"]) == 0
    assert "in order" in capsys.readouterr().out
    assert run_cli(["validate", "community-plan", "--set", "members.0.tarif=x"]) == 1
    assert "did you mean 'tariff'?" in capsys.readouterr().out
    assert run_cli(["show", "community-plan", "--all"]) == 0
    assert "business_models:" in capsys.readouterr().out
    assert run_cli(["run", "community-plan"]) == 2
    assert "run it with: coflex size community-plan" in capsys.readouterr().err


def test_command_line(small, tmp_path, capsys):
    import yaml

    file = tmp_path / "plan.yaml"
    content = small(front_points=0, business_models=[{"name": "together"}])
    file.write_text(yaml.safe_dump({key: value for key, value in content.items() if key != "name"}))
    assert run_cli(["size", str(file), "--out", str(tmp_path / "out"), "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["out"] == str(tmp_path / "out")
    assert said["indicators"]["together"]["cost_eur"] > 0.0
    assert run_cli(["size", str(file), "--out", str(tmp_path / "out")]) == 2
    assert "use --force" in capsys.readouterr().err
    assert run_cli(["usecases", "--run", str(tmp_path / "out"), "--strict"]) == 0
    assert "SUC01.1" in capsys.readouterr().out
