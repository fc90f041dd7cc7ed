"""What findings say about how records lie to each other, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

#: Code -> (English, Chinese).
TOPOLOGY: Mapping[str, tuple[str, str]] = {}
