"""docs/services.md names every service of the catalogue once, and what it names exists."""

import re

import data

REPOSITORY = data.path("usecases").parents[1]
CELLS = 3


def lines():
    page = (REPOSITORY / "docs" / "services.md").read_text("utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page if re.match(r"\| \d+ \|", line)]
    assert all(len(row) == CELLS for row in rows)
    return rows


def test_every_service_of_the_catalogue_has_its_line():
    listed = [one["id"] for one in data.read_yaml("usecases", "services.yaml")["services"]]
    assert [int(row[0]) for row in lines()] == sorted(listed)


def test_where_a_service_lives_exists():
    named = {path for row in lines() for path in re.findall(r"`([a-z_]+(?:/[a-z_.]+)+)`", row[1])}
    assert len(named) > 20
    assert [path for path in sorted(named) if not (REPOSITORY / path).exists()] == []


def test_a_service_without_a_place_says_that_it_is_not_there_yet():
    for number, place, state in lines():
        assert (place == "-") == state.startswith("not yet"), number


def test_the_services_of_households_and_communities_are_placed():
    placed = {int(row[0]) for row in lines() if row[1] != "-"}
    assert {1, 3, 4, 6, 7, 8, 9, 11, 12, 16} <= placed


def test_the_services_between_operators_are_placed_and_say_how_far_they_go():
    built = {int(row[0]) for row in lines() if row[1] != "-" and row[2].startswith("built")}
    assert {2, 20, 22, 26, 28, 29, 30, 31} <= built
