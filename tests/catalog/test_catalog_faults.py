"""Killed, interrupted and out of space: the previous release stays whole, and nothing else is seen."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from catalog_drafts import CLOCK, Drafter, publish, write_buildings

from cimkit.catalog import Catalog
from cimkit.errors import CatalogError

TRACED = ("mkdir", "fsync", "link", "rename", "replace")

# Forks one child per step, so that the heavy imports are paid once; the child dies before it gives
# something a name for the n-th time, as a killed process would. Only names are seen by others.
KILLED = """
import os, shutil, sys
from pathlib import Path
from cimkit.catalog import Catalog
from cimkit.model import DatasetDraft

base, data = Path(sys.argv[1]), Path(sys.argv[2])
drafts = [DatasetDraft(name, data, "EPSG:4547", {"en": name}, {}) for name in ("building", "extra")]

def die_at(n):
    calls = 0
    def counting(function):
        def call(*args, **kwargs):
            nonlocal calls
            calls += 1
            if calls == n:
                os._exit(9)
            return function(*args, **kwargs)
        return call
    for name in ("link", "rename", "replace"):
        setattr(os, name, counting(getattr(os, name)))

for n in range(1, 200):
    folder = base.with_name(f"killed-{n:03d}")
    shutil.copytree(base, folder)
    pid = os.fork()
    if pid == 0:
        die_at(n)
        Catalog.open(folder).publish(drafts, message="m", author="a", clock="2024-06-01T00:00:00Z", run={})
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0:
        print(n)
        break
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_killed_writer_leaves_a_whole_catalog(published: Catalog, tmp_path: Path, draft: Drafter) -> None:
    data = write_buildings(tmp_path / "new.parquet", (7.0, 8.0))
    command = [sys.executable, "-W", "ignore", "-c", KILLED, str(published.root), str(data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    folders = sorted(tmp_path.glob("killed-*"))
    assert len(folders) > 6, "publishing two datasets has that many steps"
    heads = []
    for folder in folders:
        catalog = Catalog.open(folder)
        assert catalog.verify() == []
        heads.append(catalog.head.number)
        assert set(catalog.datasets()) == (
            {"building", "device"} if heads[-1] == 1 else {"building", "device", "extra"}
        )
    assert heads == sorted(heads), "the release is there from one step on"
    assert set(heads) == {1, 2}
    created = [folder for folder in folders if (folder / "releases" / "000002.json").exists()]
    unnamed = [folder for folder in created if Catalog.open(folder).head.number == 1]
    assert unnamed, "one of the steps is between the release and HEAD"
    for folder in (folders[1], unnamed[-1], folders[-1]):
        # A release that was created but not yet named by HEAD counts: its writer was done but for that.
        catalog = Catalog.open(folder)
        release = publish(catalog, draft("building", 99.0))
        assert release.number == (3 if folder in created else 2)
        assert release.parents == (release.number - 1,)
        assert catalog.verify() == []
        assert catalog.to_geopandas("building")["height_m"].tolist() == [99.0]


def faulty(
    monkeypatch: pytest.MonkeyPatch, root: Path, at: int, error: Callable[[], BaseException], lasting: bool = False
) -> None:
    """Lets the ``at``-th change on the disk of ``root`` fail, and all later ones too where it lasts."""
    calls = 0

    def failing(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += isinstance(args[0], int) or Path(args[0]).is_relative_to(root)
            if calls == at or (lasting and calls > at):
                raise error()
            return function(*args, **kwargs)

        return call

    for name in TRACED:
        monkeypatch.setattr(os, name, failing(getattr(os, name)))


def no_space() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def state(root: Path) -> dict[str, bytes]:
    """Every file a reader may look at; the index is none that counts."""
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in files
        if path.suffix != ".duckdb" and path.name != ".lock"
    }


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
def test_a_full_disk_changes_nothing_and_is_named(
    published: Catalog, draft: Drafter, tmp_path: Path, lasting: bool
) -> None:
    before = state(published.root)
    drafts = [draft("building", 7.0), draft("extra", 8.0)]
    step = 0
    while True:
        step += 1
        folder = tmp_path / f"full-{step}"
        shutil.copytree(published.root, folder)
        catalog = Catalog.open(folder)
        with pytest.MonkeyPatch.context() as patch:
            faulty(patch, folder, step, no_space, lasting)
            try:
                release = publish(catalog, *drafts)
            except CatalogError as error:
                assert "No space left on the disk" in str(error), (step, error)
                assert str(folder) in str(error)
                release = None
        if release is not None:
            break
        assert state(folder) == before, step
    # What fails from here on is what follows the commit: HEAD's folder, the index.
    assert step > 10
    assert catalog.verify() == []


def test_an_interrupt_changes_nothing(published: Catalog, draft: Drafter, tmp_path: Path) -> None:
    before = state(published.root)
    drafts = [draft("building", 7.0), draft("extra", 8.0)]
    for step in (1, 3, 6, 9, 12, 15, 18):
        folder = tmp_path / f"interrupted-{step}"
        shutil.copytree(published.root, folder)
        with pytest.MonkeyPatch.context() as patch:
            faulty(patch, folder, step, KeyboardInterrupt)
            with pytest.raises(KeyboardInterrupt):
                publish(Catalog.open(folder), *drafts)
        assert state(folder) == before, step


def test_a_write_that_fails_while_data_is_copied(
    published: Catalog, draft: Drafter, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state(published.root)

    def full(*_: Any) -> tuple[str, int]:
        raise no_space()

    monkeypatch.setattr("cimkit.catalog.durable.copy", full)
    with pytest.raises(CatalogError, match="No space left on the disk"):
        publish(published, draft("building", 7.0))
    assert state(published.root) == before


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file size limit")
def test_a_data_file_that_finds_no_room(published: Catalog, tmp_path: Path) -> None:
    before = state(published.root)
    data = write_buildings(tmp_path / "large.parquet", tuple(float(i) for i in range(3000)))
    script = (
        "import resource, sys; from cimkit.catalog import Catalog; from cimkit.model import DatasetDraft\n"
        "from pathlib import Path\n"
        "catalog = Catalog.open(sys.argv[1])\n"
        "draft = DatasetDraft('building', Path(sys.argv[2]), 'EPSG:4547', {'en': 'B'}, {})\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        f"catalog.publish([draft], message='', author='', clock='{CLOCK}')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(published.root), str(data)], capture_output=True, text=True
    )
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(("cimkit.errors.CatalogError", "cimkit.errors.SourceError")), done.stderr
    assert state(published.root) == before


def test_a_folder_that_may_not_be_written(published: Catalog, draft: Drafter) -> None:
    def refused() -> OSError:
        return PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(published.root))

    with pytest.MonkeyPatch.context() as patch:
        faulty(patch, published.root, 1, refused)
        with pytest.raises(CatalogError, match=r"cannot be written: .*Permission denied"):
            publish(published, draft("building", 7.0))


def test_a_failed_index_does_not_fail_the_release(
    published: Catalog, draft: Drafter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise CatalogError("no room for an index")

    monkeypatch.setattr("cimkit.catalog.index.rebuild", broken)
    assert publish(published, draft("building", 7.0)).number == 2
    assert [hint.code for hint in published.hints] == ["index.not_written"]
    # And a query on a catalog where the index cannot be written makes one in memory.
    assert published.query("SELECT max(release_no) AS n FROM release").column("n").to_pylist() == [2]
    assert published.hints[-1].code == "index.not_written"
