"""What findings say about series of observations, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

#: Code -> (English, Chinese).
OBSERVATIONS: Mapping[str, tuple[str, str]] = {}
