"""What the documentation shows is what happens."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest

from cimkit.cli.app import app

ROOT = Path(__file__).resolve().parents[2]


def _generate():  # type: ignore[no-untyped-def]
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = _generate()
PAGES = [page for page in generate.PAGES if generate.BLOCK.search(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_print_what_the_page_shows(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert generate.refreshed(text) == text, "run 'make docs' and read what changed"


@pytest.mark.parametrize("command", [command.name or command.callback.__name__ for command in app.registered_commands])
def test_every_command_has_a_page_with_its_help(command: str) -> None:
    page = ROOT / "docs" / "commands" / f"{command}.md"
    assert f"$ cimkit {command} --help" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("group", app.registered_groups, ids=lambda group: group.name)
def test_every_group_of_commands_has_a_page_that_names_its_verbs(group) -> None:  # type: ignore[no-untyped-def]
    text = (ROOT / "docs" / "commands" / f"{group.name}.md").read_text(encoding="utf-8")
    for command in group.typer_instance.registered_commands:
        assert f"cimkit {group.name} {command.name or command.callback.__name__}" in text


@pytest.mark.parametrize("page", generate.PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"


def test_the_readme_begins_with_the_two_commands() -> None:
    first_screen = (ROOT / "README.md").read_text(encoding="utf-8")[:2000]
    for command in ("make demo ", "make test ", "$ make demo"):
        assert command in first_screen
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("demo", "test"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_kind_of_rule_is_explained_with_its_parameters() -> None:
    rules = json.loads((ROOT / "schemas" / "rules.schema.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "ideas" / "rules.md").read_text(encoding="utf-8")
    common = {"id", "check", "layer", "severity", "message", "iso19157", "when"}
    for branch in rules["items"]["allOf"]:
        kind = branch["if"]["properties"]["check"]["const"]
        (row,) = re.findall(rf"^\| `{kind}` \|.*\| (.*) \|$", page, re.MULTILINE)
        parameters = set(branch["then"]["propertyNames"]["enum"]) - common
        assert set(re.findall(r"`(\w+)`", row)) == parameters, kind


def test_every_option_of_the_geometry_is_explained() -> None:
    dialect = json.loads((ROOT / "schemas" / "dialect.schema.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "ideas" / "rules.md").read_text(encoding="utf-8")
    for option in dialect["properties"]["cim:geometry"]["properties"]:
        assert f"`{option}`" in page, option
