"""A file is whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from cimkit.atomic import replacing
from cimkit.errors import SourceError


def test_the_target_appears_at_the_end_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "x.gpkg"
    with replacing(target) as path:
        path.write_text("new")
        path.with_name("x.gpkg-journal").write_text("left by a driver")
        assert path.name == target.name and not target.exists()
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_an_exception_the_old_file_is_there(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "x.gpkg"
    target.write_text("old")
    with pytest.raises(error), replacing(target) as path:
        path.write_text("half")
        raise error
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="folder"), replacing(tmp_path):
        pass
    with pytest.raises(SourceError, match="cannot be written"), replacing(tmp_path / "none" / "x"):
        pass
    with pytest.raises(SourceError, match="No space left"), replacing(tmp_path / "x"):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []
