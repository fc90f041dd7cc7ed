"""A source that holds nothing to check does not pass."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from cimkit.check import check
from cimkit.errors import SourceError


def test_a_workbook_without_cells(tmp_path: Path) -> None:
    openpyxl.Workbook().save(tmp_path / "x.xlsx")
    for against in ({"schema": {"type": "object"}}, {"standard": "cim-core/building"}):
        with pytest.raises(SourceError, match="no layers"):
            check(tmp_path / "x.xlsx", **against)
