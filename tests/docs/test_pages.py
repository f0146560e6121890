"""The manual holds what it says: its commands exist, its links lead somewhere, its generated pages are current."""

import importlib.util
import re
import shlex
from pathlib import Path

import duckdb
import pytest
import typer

from experiments.assembly.check import check_scenario
from experiments.cli import app
from experiments.scenario import Scenario, scenario_from
from experiments.scenario.read import parse_yaml
from experiments.scenario.show import schema_keys

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SPAN = re.compile(r"`(coflex [^`]+)`")
BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands():
    """Every ``coflex ...`` line of the manual."""
    found = {}
    for page in PAGES:
        text = page.read_text("utf-8")
        lines = [line.strip() for block in BLOCK.findall(text) for line in block.splitlines()]
        lines += SPAN.findall(BLOCK.sub("", text))
        for line in lines:
            if line.startswith("coflex "):
                found[f"{page.name}: {line}"] = shlex.split(line, comments=True)[1:]
    return found


@pytest.mark.parametrize("words", commands().values(), ids=commands().keys())
def test_a_command_of_the_manual_is_one_that_parses(words):
    """Arguments and options are read as for a real call, without doing anything."""
    group = typer.main.get_command(app)
    context = group.make_context("coflex", words, resilient_parsing=False)
    name = [*context._protected_args, *context.args][0]
    command = group.get_command(context, name)
    assert command is not None, name
    rest = [*context._protected_args, *context.args][1:]
    assert command.make_context(name, rest, parent=context).params is not None


def test_the_manual_shows_every_command():
    shown = {words[0] for words in commands().values()}
    assert {command.callback.__name__ for command in app.registered_commands} <= shown


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_links_lead_somewhere(page):
    for target in LINK.findall(page.read_text("utf-8")):
        if not target.startswith(("http", "#")):
            assert (page.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_files_named_in_the_manual_exist(page):
    for name in re.findall(
        r"`((?:data|docs|environment|experiments|markets|tools|tests|agents)/[\w./-]+\.\w+)`", page.read_text("utf-8")
    ):
        assert (ROOT / name).exists(), name


def test_generated_pages_are_current():
    spec = importlib.util.spec_from_file_location("write_docs", ROOT / "tools/write_docs.py")
    assert spec is not None
    assert spec.loader is not None
    write_docs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(write_docs)
    for path, text in write_docs.pages().items():
        assert path.read_text("utf-8") == text, f"{path.name}: run python tools/write_docs.py"


def test_the_scenario_reference_has_every_section():
    page = (ROOT / "docs/scenario.md").read_text("utf-8")
    assert all(f"`{key.path}`" in page or f"## {key.path}\n" in page for key in schema_keys())
    assert set(Scenario.model_fields) <= set(re.findall(r"[a-z_]+", page))


def test_the_licence_is_complete_and_the_notice_names_the_data():
    licence = (ROOT / "LICENSE").read_text("utf-8")
    assert "Apache License" in licence
    assert "END OF TERMS AND CONDITIONS" in licence
    notice = (ROOT / "NOTICE").read_text("utf-8")
    assert "SimBench" in notice
    assert "Open Database License" in notice


def test_the_changelog_has_the_version_or_what_is_not_released_yet():
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(r"^## \[(Unreleased|\d+\.\d+\.\d+)\]", text, re.MULTILINE)
    assert re.search(r"^### (Added|Changed|Deprecated|Removed|Fixed|Security)$", text, re.MULTILINE)


def test_the_scenario_of_the_readme_can_be_run():
    (text,) = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    check_scenario(scenario_from(parse_yaml(text, where="README.md"), where="README.md"))


def test_the_query_of_the_readme_finds_the_peak_that_the_figures_tell(default_run, tmp_path, monkeypatch):
    (code,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (query,) = re.findall(r'"""(.*?)"""', code, re.DOTALL)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "first").symlink_to(default_run.out)
    monkeypatch.chdir(tmp_path)
    (_, _, highest), *_ = duckdb.sql(query).fetchall()
    assert highest == pytest.approx(default_run.figures["peak_loading_percent"])


def test_every_test_that_the_page_of_faults_names_exists():
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/faults.md").read_text("utf-8")))
    there = {
        name
        for path in (ROOT / "tests").rglob("*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text("utf-8"))
    }
    assert len(named) > 25
    assert named <= there, named - there
