"""Study files: what is wrong with one is said at once, with the place and the way out."""

import pytest

from experiments.covers import covers
from experiments.scenario.read import ScenarioError
from experiments.sizing.study import Study, is_study, load_study, study_from, study_names


def wrong(content):
    with pytest.raises(ScenarioError) as caught:
        study_from(content, where="plan.yaml")
    return str(caught.value)


@pytest.mark.parametrize("name", study_names())
def test_shipped_studies_are_in_order_and_complete_ones_read_back(name):
    study = load_study(name)
    assert study_from(study.as_data()) == study
    assert is_study(name)


def test_every_key_has_a_meaning_and_every_default_a_source():
    def parts(part):
        from experiments.scenario.explain import parts_in

        for name, field in part.model_fields.items():
            yield part, name, field
            for inner in parts_in(field.annotation):
                yield from parts(inner)

    for part, name, field in parts(Study):
        assert field.description, (part, name)
        if not field.is_required() and field.default.__class__.__module__ == "builtins":
            assert field.json_schema_extra["source"], (part, name)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"members__0__tarif": "x"}, ["members[0].tarif: unknown key; did you mean 'tariff'?"]),
        ({"assets__0__owners": {"ana": "60%", "bea": "60%"}}, ["assets[0].owners (hall): the shares sum to 120%, not to 100%; take 20% away"]),
        ({"assets__0__owners": {"ana": "60%"}}, ["say who has the other 40%"]),
        ({"assets__0__owners": {"anna": "100%"}}, ["'anna' is not a member; did you mean 'ana'?"]),
        ({"members__2__annual_kwh": None}, ["members[2] (cal): it has neither a meter nor annual_kwh; write annual_kwh"]),
        ({"members__0": {"name": "ana", "contracted_kw": 4.6}}, ["members[0].tariff: is needed"]),
        ({"members__0__tariff": "es-2td"}, ["unknown tariff 'es-2td'; did you mean 'es-20td-2025'?"]),
        ({"members__0__surplus_eur_per_kwh": 0.3}, ["selling beats buying", "give a price below it"]),
        ({"members__1__position": [5000, 0]}, ["bea is 5016 m from cal and farther than allowed from 2 more", "a REC allows 2000 m", "form a CEC"]),
        ({"assets__0__position": [0, 2500]}, ["m from hall", "a REC allows 2000 m"]),
        ({"members__1__missing": 0.4}, ["40% of the readings are missing", "meter: none"]),
        ({"community__minimum_members": 4}, ["3 members are fewer than the smallest size of 4"]),
        ({"members__2__who": "large-company"}, ["cal is a large-company: RECs are controlled by"]),
        ({"business_models__0__objective": "profit"}, ["whose profit? name members"]),
        ({"assets": []}, ["third-party needs a shared site"]),
        ({"profiles__representative_days": 2}, ["2 leave no day beside 2 extreme ones"]),
        ({"profiles__history": "nowhere.csv"}, ["there is no file nowhere.csv"]),
        ({"members__1__name": "ana"}, ["the name 'ana' is given 2 times"]),
        ({"members__1__charging": {"kwh_per_day": 60}}, ["members[1].charging (bea): 60 kWh a day do not fit", "give more socket_kw"]),
        ({"members__1__charging": {"existing": 2}}, ["2 chargers for 1 cars", "no more existing ones than cars"]),
        ({"members__0__heat_pump": {"kw": 2, "low_c": 21}}, ["members[0].heat_pump: comfort from low_c 21", "write low_c <= set_c <= high_c"]),
        ({"members__2__use": "shops"}, ["'shops' is not a known kind of consumption; did you mean 'shop'?"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_the_way_out(small, changes, words):
    text = wrong(small(**changes))
    for word in words:
        assert word in text, text


def test_everything_is_reported_at_once(small):
    text = wrong(
        small(members__0__tarif="x", assets__0__owners={"ana": "60%", "bea": "60%"}, members__1__position=[5000, 0])
    )
    assert len(text.splitlines()) == 3


@covers("SUC01.1/r04", "SUC01.1/r05")
def test_a_citizen_community_knows_no_distance(small):
    far = small(members__1__position=[90_000, 0])
    assert "a REC allows" in wrong(far)
    assert study_from(far | {"community": {"type": "CEC", "minimum_members": 2}}).community.type == "CEC"


def test_histories_are_read_from_a_file(small, tmp_path):
    from experiments.assembly.sizing import build_study
    from experiments.errors import CoflexError

    file = tmp_path / "metered.csv"
    rows = [
        f"2019-{month:02d}-{day:02d}T{hour:02d}:00,0.5,{0.1 * hour:.1f}"
        for month in range(1, 13)
        for day in range(1, 29)
        for hour in range(24)
    ]
    file.write_text("time,ana,bea\n" + "\n".join(rows))
    content = small(profiles__history=str(file), profiles__most_missing=0.1)
    site = build_study(study_from(content), 1)
    assert site.known["ana"].mean() == pytest.approx(28 * 12 / 365, abs=0.01)
    assert site.metered_kw["bea"].max() == pytest.approx(2.3)
    assert not site.known["cal"].any()
    with pytest.raises(CoflexError, match=r"readings of ana are missing, more than profiles.most_missing \(1%\)"):
        build_study(study_from(small(profiles__history=str(file), profiles__most_missing=0.01)), 1)
    file.write_text("time,ana\n2019-01-01T00:00,-3\n")
    with pytest.raises(CoflexError, match=r"line 2, column ana: '-3' is not a load in kW of 0 or more"):
        build_study(study_from(content), 1)
    file.write_text("when,ana\n1,2\n")
    with pytest.raises(CoflexError, match="there is no column 'time'"):
        build_study(study_from(content), 1)
