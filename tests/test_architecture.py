"""The house keeps its shape: imports run downwards, modules stay small, names say what is inside."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "cimkit"

#: Rooms from the top of the house down; a room may import from those below it.
FLOORS = (
    ("__main__",),
    ("cli",),
    ("pipeline",),
    ("serve", "catalog", "fuse", "convert", "check"),
    ("crosswalk",),
    ("standard", "formats", "executor"),
    ("duck", "guard", "documents", "crs", "offsets", "text", "wkb", "atomic", "resources"),
    ("report",),
    ("messages",),
    ("model", "errors"),
)
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
#: Neighbours on the lowest working floor that may use each other, and rooms that may use no more than these.
NEIGHBOURS = {
    ("crs", "offsets"),
    ("crs", "wkb"),
    ("text", "wkb"),
    ("guard", "duck"),
    ("documents", "resources"),
}
ONLY = {"report": {"model", "errors", "messages", "atomic", "report"}}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_rooms(path: Path) -> set[str]:
    """The rooms a module imports, wherever in the file it does so, except for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    rooms = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "cimkit":
            parts = node.module.split(".")
            rooms |= {parts[1]} if len(parts) > 1 else {name.name for name in node.names}
        elif isinstance(node, ast.Import):
            rooms |= {n.name.split(".")[1] for n in node.names if n.name.startswith("cimkit.")}
    return {name for name in rooms if name in FLOOR}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downwards(path: Path) -> None:
    own = room(path)
    if own == "__init__":
        return
    assert own in FLOOR, f"{path} is in no room of the house; add its room to FLOORS"
    for other in imported_rooms(path) - {own}:
        if own in ONLY:
            assert other in ONLY[own], f"{path}: {own} may only know {sorted(ONLY[own])}, not {other}"
        elif (own, other) not in NEIGHBOURS:
            assert FLOOR[other] > FLOOR[own], f"{path}: {own} must not import {other}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_command_line_knows_typer(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    if room(path) != "cli":
        assert not {name for name in names if name.split(".")[0] in ("typer", "click")}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_stay_small_and_have_telling_names(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 420, "a module this long does two things"
    assert path.stem not in {"utils", "util", "common", "helpers", "misc", "manager"}
    assert not path.stem.endswith(("_utils", "_impl", "_helpers"))


def test_modules_begin_with_what_they_are_for() -> None:
    silent = [str(p) for p in MODULES if not ast.get_docstring(ast.parse(p.read_text(encoding="utf-8")))]
    assert silent == []


def test_public_names() -> None:
    import cimkit

    assert len(cimkit.__all__) <= 10
    for name in cimkit.__all__:
        assert getattr(cimkit, name)
    # check and convert are functions although modules have the same names
    import cimkit.check.run
    import cimkit.convert

    assert callable(cimkit.check)
    assert callable(cimkit.convert)
    assert set(cimkit.__all__) <= set(dir(cimkit))
    with pytest.raises(AttributeError):
        cimkit.nothing  # noqa: B018
