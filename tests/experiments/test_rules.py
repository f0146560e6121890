"""Rules on plain records: every registered rule explains itself, runs on its own example and accounts for what it was given."""

import json

import jsonschema
import pytest

from experiments.cli import run_cli
from experiments.errors import CoflexError
from experiments.rules import all_rules, find_rule, run_rule
from experiments.rules.read import read_input, write_example
from experiments.rules.show import rule_schema
from experiments.scenario.library import KINDS, RULES

RULE_NAMES = [one.name for one in all_rules()]
BIDS = [
    {"bid": "b1", "area": "a", "direction": "up", "quantity_kw": 4.0, "price_eur_per_kwh": 0.2},
    {"bid": "b2", "area": "a", "direction": "up", "quantity_kw": 4.0, "price_eur_per_kwh": 0.3},
]
NEEDS = [{"constraint": "trafo", "direction": "up", "quantity_kw": 5.0}]
MARKET = {"bids": BIDS, "needs": NEEDS}


def refused(name, content):
    with pytest.raises(CoflexError) as caught:
        run_rule(name, content, where="in.yaml")
    return str(caught.value).splitlines()


def test_names_are_unique_and_kinds_explained():
    assert len(set(RULE_NAMES)) == len(RULE_NAMES)
    assert set(KINDS) == set(RULES)
    assert all(RULES.values())


@pytest.mark.parametrize("name", RULE_NAMES)
class TestEveryRule:
    def test_says_what_it_does_and_where_it_comes_from(self, name):
        named = find_rule(name)
        assert len(named.about) > 40
        assert len(named.source) > 20

    def test_every_number_has_a_unit_or_is_a_count(self, name):
        free = {"hours", "grace_slope", "x", "y", "sha256"}
        for key in rule_schema(named := find_rule(name))["input"]["properties"]:
            field = named.face.model_fields[key]
            if field.annotation is float and key not in free:
                assert field.json_schema_extra["unit"], key

    def test_accounts_are_an_identity(self, name):
        accounts = run_rule(name, find_rule(name).face.example)["accounts"]
        assert accounts["accepted"] + accounts["rejected"] == accounts["offered"] > 0
        assert set(accounts) == {"offered", "accepted", "rejected"}

    def test_its_schema_admits_its_example_and_no_unknown_key(self, name):
        shown = json.loads(json.dumps(rule_schema(find_rule(name))))
        jsonschema.validate(shown["example"]["input"], shown["input"])
        jsonschema.validate(shown["example"]["output"], shown["output"])
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(shown["example"]["input"] | {"sesame": 1}, shown["input"])

    @pytest.mark.parametrize("suffix", ["yaml", "json", "csv"])
    def test_an_example_that_it_writes_runs_and_says_the_same(self, name, suffix, tmp_path):
        face, path = find_rule(name).face, tmp_path / f"example.{suffix}"
        beside = [key for key, field in face.model_fields.items() if key != face.table and field.is_required()]
        if suffix == "csv" and beside:
            with pytest.raises(CoflexError, match="more than one table"):
                write_example(face, name, path, force=False)
            return
        write_example(face, name, path, force=False)
        with pytest.raises(CoflexError, match="exists"):
            write_example(face, name, path, force=False)
        wanted = {face.table: face.example[face.table]} if suffix == "csv" else face.example
        assert read_input(face, path) == read_input(face, path, [])
        assert read_input(face, path).model_dump() == face.model_validate(_tupled(wanted)).model_dump()

    def test_an_unknown_key_is_refused_with_the_nearest(self, name):
        face = find_rule(name).face
        table = [dict(row) for row in face.example[face.table]]
        column = next(iter(table[0]))
        table[0][f"{column}x"] = table[0].pop(column)
        text = "\n".join(refused(name, {**face.example, face.table: table}))
        assert f"in.yaml: {face.table}[0].{column}x: unknown key; did you mean '{column}'?" in text
        assert f"in.yaml: {face.table}[0].{column}: is needed" in text

    def test_numbers_that_are_none_are_refused(self, name):
        face = find_rule(name).face
        numbers = [key for key, value in face.example[face.table][0].items() if isinstance(value, float)]
        for value in (float("nan"), float("inf"), "much", True, None):
            table = [dict(row) for row in face.example[face.table]]
            table[0][numbers[0]] = value
            assert f"{face.table}[0].{numbers[0]}: '{value}' is not a number" in "\n".join(
                refused(name, {**face.example, face.table: table})
            )


def _tupled(value):
    if isinstance(value, dict):
        return {key: _tupled(one) for key, one in value.items()}
    return tuple(map(_tupled, value)) if isinstance(value, list) else value


def test_an_unknown_rule_is_answered_with_the_nearest():
    with pytest.raises(CoflexError, match="unknown rule 'merit'; did you mean 'merit-order'"):
        find_rule("merit")


def test_partial_acceptance_adds_up():
    said = run_rule("merit-order", MARKET)
    assert said["accounts"] == {"offered": 8.0, "accepted": 5.0, "rejected": 3.0}
    assert [row["accepted_kw"] for row in said["result"]["bids"]] == [4.0, 1.0]
    assert said["result"]["bids"][1]["reason"] == "only a part was needed"


def test_all_mistakes_are_told_at_once():
    bids = [
        BIDS[0],
        BIDS[1] | {"bid": "b1", "quantity_kw": -4.0},
        {"bid": "b3", "area": "b", "direction": "sideways", "quantity_kw": 1.0, "price_eur_per_kwh": "0.3"},
        BIDS[1] | {"bid": 4, "min_acceptance_kw": 5.0},
    ]
    acting = [{"constraint": "trafo", "area": "a", "kw_per_kw": 1.0}]
    needs = [NEEDS[0], NEEDS[0] | {"constraint": "trafos"}]
    lines = refused("network-aware", {"bids": bids, "needs": needs, "sensitivities": acting, "hour": 1})
    wanted = [
        "bids[1].quantity_kw: -4.0 is out of range; it must be more than 0 kW",
        "bids[2].direction: 'sideways' is not known here. There are: down, up",
        "bids[2].price_eur_per_kwh: '0.3' is not a number (in EUR/kWh)",
        "bids[3]: min_acceptance_kw 5 is above quantity_kw 4",
        "hour: unknown key; did you mean 'hours'?",
        "bids[1]: bid 'b1' was given before, in bids[0]; each may be given once",
        "bids[2].area: 'b' is no area of sensitivities. There are: a",
        "needs[1].constraint: 'trafos' is no constraint of sensitivities; did you mean 'trafo'?",
    ]
    assert len(lines) == len(wanted)
    for line, text in zip(lines, wanted, strict=True):
        assert line.startswith(f"in.yaml: {text}")


def test_a_csv_is_refused_by_line_and_column(tmp_path):
    path = tmp_path / "bids.csv"
    path.write_text("bid;area;direction;quantity_kW;price_eur_per_kwh\nb1;a;up;4;0.2\n\nb1;a;up;4;cheap\nb3;a\n")
    with pytest.raises(CoflexError) as caught:
        read_input(find_rule("merit-order").face, path)
    assert str(caught.value).splitlines() == [
        (
            "bids.csv: unknown column 'quantity_kW'; did you mean 'quantity_kw'? There are: area, bid, direction, divisible, fsp, "
            "min_acceptance_kw, price_eur_per_kwh, quantity_kw, received_ms, t_ms"
        ),
        "bids.csv: column 'quantity_kw' is missing (Offered power, mean over the interval)",
        "bids.csv: line 5 has 2 cells, the first line names 5 columns",
        "bids.csv: line 4, column price_eur_per_kwh: 'cheap' is not a number (in EUR/kWh)",
        "bids.csv: line 5, column direction: is needed (up: less net load; down: more net load)",
        "bids.csv: line 5, column price_eur_per_kwh: is needed (Price asked)",
        "bids.csv: needs: is needed (Relief needed); it is not in a CSV file: give --set needs=..., or write YAML or JSON",
        "bids.csv: line 4: bid 'b1' was given before, in line 2; each may be given once",
    ]


def test_a_table_from_a_spreadsheet_runs_with_the_rest_set(tmp_path, capsys):
    path = tmp_path / "bids.csv"
    path.write_text("bid,area,direction,quantity_kw,price_eur_per_kwh,divisible\n1,a,up,4,0.2,\n2,a,up,4,0.3,FALSE\n")
    needs = "needs=[{constraint: trafo, direction: up, quantity_kw: 5}]"
    assert run_cli(["rules", "network-aware", "--input", str(path), "--set", needs, "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["accounts"] == {"offered": 8.0, "accepted": 5.0, "rejected": 3.0}
    assert set(said) == {"rule", "result", "accounts"}


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["rules", "merit"], "unknown rule 'merit'; did you mean 'merit-order'?"),
        (["rules", "merit-order", "--input", "no.yaml"], "cannot read no.yaml: No such file or directory"),
        (["rules", "merit-order", "--input", "bids.txt"], "an input is a .yaml, .json or .csv file, not '.txt'"),
        (["rules", "--input", "bids.yaml"], "say which rule"),
        (["rules", "merit-order", "--set", "hours=1"], "give --input FILE too"),
        (["rules", "merit-order", "--example", "a.xlsx"], "an example is a .yaml, .json or .csv file"),
    ],
)
def test_what_cannot_start_ends_with_two(words, text, capsys):
    assert run_cli(words) == 2
    assert text in capsys.readouterr().err


@pytest.mark.parametrize(
    ("suffix", "text", "says"),
    [
        ("json", '{"bids": [,]}', "in.json: line 1: not JSON"),
        ("json", '{"bids": [], "bids": []}', "the key 'bids' is given twice in one object"),
        ("json", '{"bids": [{"quantity_kw": NaN}]}', "bids[0].quantity_kw: 'nan' is not a number (in kW)"),
        ("yaml", "bids: [\n", "not YAML"),
        ("yaml", "", "an input is a list of `key: value` or of rows; this is empty"),
        ("yaml", "17", "an input is a list of `key: value` or of rows; this is '17'"),
        ("yaml", "bids: {b1: 4}", "bids: '{'b1': 4}' stands where a list is expected"),
        ("yaml", "bids: []\nneeds: []", "needs: it is empty; give at least 1"),
        ("csv", "", "it is empty; the first line names the columns"),
    ],
)
def test_files_that_are_none(suffix, text, says, tmp_path, capsys):
    path = tmp_path / f"in.{suffix}"
    path.write_text(text)
    assert run_cli(["rules", "merit-order", "--input", str(path)]) == 2
    assert says in capsys.readouterr().err


def test_an_example_replaces_nothing_unless_told(tmp_path, capsys):
    path = tmp_path / "example.yaml"
    assert run_cli(["rules", "pay-as-bid", "--example", str(path)]) == 0
    assert run_cli(["rules", "uniform", "--example", str(path)]) == 2
    assert run_cli(["rules", "uniform", "--example", str(path), "--force"]) == 0
    assert run_cli(["rules", "uniform", "--input", str(path)]) == 0
    assert "accounts [kW]: offered 19, accepted 7.5, rejected 11.5" in capsys.readouterr().out
