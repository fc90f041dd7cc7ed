"""What findings say about completeness and statistics, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

#: Code -> (English, Chinese).
STATISTICS: Mapping[str, tuple[str, str]] = {}
