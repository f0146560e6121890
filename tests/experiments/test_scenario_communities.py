"""Communities in a scenario: every mistake is named with its place, its value and the way out."""

import pytest

from experiments.assembly.communities import makers
from experiments.covers import covers
from experiments.scenario import load_scenario, scenario_from
from experiments.scenario.communities import share_by_member
from experiments.scenario.read import ScenarioError
from experiments.sharing import sharing_rules


def content(**changes):
    """The shipped market community with changes to its only community."""
    whole = load_scenario("community-market").as_data()
    whole["actors"]["communities"][0] |= changes
    return whole


def refusal(whole):
    with pytest.raises(ScenarioError) as error:
        scenario_from(whole)
    return str(error.value)


@covers("SUC02.1/r06")
@pytest.mark.parametrize(
    ("school", "way"), [("80%", "the owners hold 140% of it"), ("10%", "the owners hold 70% of it")]
)
def test_ownership_adds_up_to_the_whole_asset(school, way):
    owners = {"school-0001": school, "school-0002": "20%", "home": "40%"}
    text = refusal(content(shared_assets=[{"plant": "pv-roof-1", "owners": owners}]))
    assert "actors.communities[0].shared_assets[0].owners" in text
    assert way in text
    assert "add up to 100%" in text


def test_an_unknown_plant_rule_and_member_are_named_with_what_is_meant():
    wrong = content(
        shared_assets=[{"plant": "pv-rof-1", "owners": "home"}],
        price={"rule": "mid-market-rat"},
        members={"hom": 1.0},
        regulation="ptt",
    )
    text = refusal(wrong)
    assert "there is no mv_plant 'pv-rof-1'; did you mean 'pv-roof-1'" in text
    assert "price.rule: unknown internal-price rule 'mid-market-rat'; did you mean 'mid-market-rate'" in text
    assert "members: there is no home and no group of homes 'hom'; did you mean 'home'" in text
    assert "regulation: no rules of sharing for 'ptt'; did you mean 'pt'" in text


@covers("SUC02.1/r05")
def test_regulation_must_take_the_coefficients():
    text = refusal(content(regulation="es"))
    assert "takes no transaction-coefficients; write static-coefficients, or another regulation" in text


@covers("SUC02.1/r02")
def test_market_mode_sells_no_flexibility():
    assert "in market mode nobody schedules for all" in refusal(content(flexibility={"price_eur_per_kwh": 0.2}))


def test_a_tariff_whose_surplus_beats_its_price_is_refused(monkeypatch):

    from environment.people import tariffs

    dear = tariffs.tariff("es-20td-2025")
    generous = type(dear)(
        **{**{name: getattr(dear, name) for name in dear.__dataclass_fields__}, "sell_eur_per_kwh": 0.5}
    )
    whole = content()
    monkeypatch.setattr(tariffs, "tariff", lambda name: generous)
    text = refusal(whole)
    assert "pays 0.500 EUR/kWh for surplus" in text
    assert "selling must not beat buying for members of ec-1: choose another tariff" in text


def test_a_member_without_a_tariff_that_exists_is_named():
    whole = content()
    whole["people"][1]["homes"]["tariff"] = {"es-20tt-2025": 1.0}
    assert "unknown tariff 'es-20tt-2025'; did you mean 'es-20td-2025'" in refusal(whole)


def test_a_plant_without_consumption_is_no_member():
    text = refusal(content(members={"home": 0.9, "pv-roof-1": 1.0}))
    assert "actors.communities[0].members: 'pv-roof-1' is a plant" in text
    assert "name it in shared_assets with its owners" in text


def test_too_few_members_are_seen_before_anything_runs():
    assert "50 are needed, but at most 26 homes are asked" in refusal(content(min_members=50))


def test_forecasts_come_before_the_dso_looks():
    assert "must be in before the DSO looks ahead" in refusal(content(mode="centralised", plans="14:00 the day before"))


@covers("SUC02.1/r07")
@pytest.mark.parametrize(("kind", "stands"), [("REC", False), ("CEC", True)])
def test_a_renewable_community_keeps_its_radius_and_a_citizen_community_need_not(small, kind, stands):
    one = {"name": "ec-1", "members": "home", "kind": kind, "max_distance_km": 0.05}
    scenario = small.scenario(8, people__0__served_by="nobody", actors__fsps=[], actors__communities=[one])
    site = small.site(scenario)
    if stands:
        assert makers(site)
        return
    with pytest.raises(
        ScenarioError,
        match=r"ec-1: home-\d+ and home-\d+ are 0\.\d\d km apart, a REC under regulation pt reaches 0\.05 km; ask fewer",
    ):
        makers(site)


def test_shares_of_a_prefix_are_equal_parts_of_those_not_named():
    members = ["home-0001", "home-0002", "home-0003", "school-0001"]
    assert share_by_member({"home": 0.5, "home-0002": 0.2, "school-0001": 0.3}, members) == {
        "home-0002": 0.2, "school-0001": 0.3, "home-0001": 0.25, "home-0003": 0.25,
    }  # fmt: skip


def test_every_country_says_how_sure_its_rules_are():
    for country, rules in sharing_rules().items():
        assert rules.mark in ("V", "M"), country
        assert rules.coefficients
        assert len(rules.source) > 40
