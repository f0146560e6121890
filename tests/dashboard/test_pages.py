"""The pages of the dashboard as a person uses them, without a browser."""

import shutil

from dashboard import page_figures
from dashboard.shelf import opened
from dashboard.shown import Shown
from tests.dashboard.conftest import command, html
from tests.experiments import synthetic_run


def test_the_first_page_begins_with_the_default_scenario(page):
    app = page()
    assert app.title[0].value == "What if?"
    assert "A winter evening in a semi-urban district" in app.selectbox(key="base_name").options[0]
    assert "Six in ten homes" in html(app)
    assert {"Homes with an electric vehicle", "Messages that are lost"} <= {one.label for one in app.slider}


def test_a_moved_control_is_listed_and_stands_in_the_command(page):
    app = page()
    slider = next(one for one in app.slider if one.label == "Homes with an electric vehicle")
    slider.set_value(80).run()
    assert "60%" in html(app)
    assert "80%" in html(app)
    assert "people.0.devices.ev=0.8" in command(app)
    slider = next(one for one in app.slider if one.label == "Homes with an electric vehicle")
    slider.set_value(60).run()
    assert "--set" not in command(app)


def test_invalid_names_of_runs_are_refused(page):
    app = page()
    name = next(one for one in app.text_input if one.label == "Name of the run")
    name.set_value("../elsewhere").run()
    next(one for one in app.button if one.label == "Run").click().run()
    assert "is not a name for a folder" in app.error[0].value


def test_a_scenario_file_of_ones_own_is_read_or_refused_in_words(page, tmp_path):
    app = page()
    app.radio(key="base_kind").set_value("of my own").run()
    app.text_input(key="base_file").set_value("nowhere.yaml").run()
    assert "there is no scenario file nowhere.yaml" in app.error[0].value
    bad = tmp_path / "bad.yaml"
    bad.write_text("title: Mine\npeople:\n  - homes: {count: -3}\n")
    app.text_input(key="base_file").set_value(str(bad)).run()
    assert not app.exception
    assert any("count" in one.value for one in app.error)
    good = tmp_path / "good.yaml"
    good.write_text("title: Mine\npeople:\n  - homes: {count: 30}\n")
    app.text_input(key="base_file").set_value(str(good)).run()
    assert not app.error
    assert next(one for one in app.number_input if one.label == "Number of homes").value == 30


def test_figures_of_two_runs_stand_side_by_side_with_their_difference(page, shelf):
    app = page(page="Figures", runs=[str(shelf / "first"), str(shelf / "second")])
    shown = html(app)
    assert "difference" in shown
    assert "Peak loading of any branch" in shown
    app.toggle(key="only_differing").set_value(True).run()
    assert "none differs" in app.info[0].value


def test_a_figure_is_found_by_its_name(page, shelf):
    app = page(page="Figures", runs=[str(shelf / "first")])
    app.text_input(key="find_figure").set_value("overload").run()
    assert "Hours with an overload" in html(app)
    assert "Grid losses" not in html(app).split("<table")[1]


def test_folders_that_are_no_runs_are_refused_in_words(page, shelf, tmp_path):
    app = page()
    app.text_input(key="other_folder").set_value(str(shelf / "no-run")).run()
    app.button(key="open_other").click().run()
    assert "run.json is missing" in app.error[0].value
    app = page(runs=[str(shelf / "broken")])
    assert "format 99" in app.error[0].value
    app = page(folder=tmp_path / "empty", page="Figures")
    assert "make one under What if" in app.info[0].value


def test_a_run_that_is_deleted_while_it_is_looked_at_is_said_to_be_gone(page, tmp_path):
    for name in ("doomed", "kept"):
        synthetic_run.write(tmp_path / name)
    app = page(tmp_path, runs=[str(tmp_path / "doomed"), str(tmp_path / "kept")], page="Figures")
    assert not app.warning
    shutil.rmtree(tmp_path / "doomed")
    app.run()
    assert not app.exception
    assert app.warning[0].value.startswith("doomed: no such run in")
    assert app.session_state["runs"] == [str(tmp_path / "kept")]


def test_cards_of_runs_of_a_scenario_name_the_same_figures(shelf):
    shown = [Shown(name, "#000", opened(shelf / name)) for name in ("first", "second")]
    values = {"first": {"flexibility_cost_eur": 1.0, "messages_total": 5.0}, "second": {"messages_total": 7.0}}
    assert page_figures._keys(shown[1], shown, values) == ["flexibility_cost_eur", "messages_total"]
