"""The stored findings as GeoJSON (RFC 7946): a point where a finding has a place, else no geometry."""

from __future__ import annotations

from pathlib import Path

from cimkit.model import Report
from cimkit.report.as_json import compact, members
from cimkit.report.rows import shown


def write(report: Report, path: Path, lang: str = "en") -> None:
    """A feature collection, one feature a line; longitude and latitude in degrees (WGS 84)."""
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        separator = "\n"
        for finding in report.findings:
            about = members(finding)
            point = about.pop("point")
            # Readers want one type in a column.
            about["value"] = shown(finding)
            geometry = {"type": "Point", "coordinates": list(point)} if point else None
            file.write(f"{separator}{compact({'type': 'Feature', 'geometry': geometry, 'properties': about})}")
            separator = ",\n"
        file.write("\n]}\n")
