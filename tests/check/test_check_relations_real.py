"""Relations and series of real files, counted again by pandas."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import cimkit
from cimkit.model import Report

TEXT = {"type": "string"}


def package(folder: Path, layers: Mapping[str, Mapping[str, Any]], rules: Sequence[Mapping[str, Any]]) -> Path:
    """A small standard: layer -> field -> JSON Schema, and its rules."""
    root = folder / "small" / "1.0.0"
    (root / "layers").mkdir(parents=True)
    about = {"standard": "small", "version": "1.0.0", "status": "draft", "title": {"en": "Small"}}
    about |= {"publisher": {"en": "Test"}, "licence": "CC0-1.0", "layers": list(layers)}
    (root / "standard.yaml").write_text(json.dumps(about), encoding="utf-8")
    (root / "rules.yaml").write_text(json.dumps(list(rules)), encoding="utf-8")
    for name, fields in layers.items():
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"urn:cim:small:1.0.0:{name}",
            "title": name.title(),
            "type": "object",
            "properties": dict(fields),
        }
        (root / "layers" / f"{name}.schema.json").write_text(json.dumps(schema), encoding="utf-8")
    return root


def failed(report: Report) -> dict[tuple[str, str], tuple[int, int]]:
    return {(rule.rule, rule.code): (rule.checked, rule.failed) for rule in report.rules if "#" not in rule.rule}


@pytest.mark.shared
@pytest.mark.parametrize("feed", ["poa_eptc", "poa_trensurb"])
def test_a_timetable_refers_to_what_it_has(feed: str, shared: Path, tmp_path: Path) -> None:
    path = shared / f"data/gtfs_osm_porto_alegre/{feed}.zip"
    standard = package(
        tmp_path,
        {
            "stops": {"stop_id": TEXT},
            "trips": {"trip_id": TEXT, "route_id": TEXT, "service_id": TEXT},
            "stop_times": {"trip_id": TEXT, "stop_id": TEXT, "stop_sequence": TEXT},
        },
        [
            {"id": "times.once", "check": "unique", "layer": "stop_times", "fields": ["trip_id", "stop_sequence"]},
            {
                "id": "times.of",
                "check": "reference",
                "layer": "stop_times",
                "fields": ["trip_id"],
                "of": "trips",
                "to": ["trip_id"],
            },
            {
                "id": "times.at",
                "check": "reference",
                "layer": "stop_times",
                "fields": ["stop_id"],
                "of": "stops",
                "to": ["stop_id"],
            },
            {
                "id": "stops.served",
                "check": "cardinality",
                "layer": "stops",
                "of": "stop_times",
                "fields": ["stop_id"],
                "to": ["stop_id"],
                "severity": "warning",
            },
            {
                "id": "trips.two_stops",
                "check": "cardinality",
                "layer": "trips",
                "of": "stop_times",
                "fields": ["trip_id"],
                "to": ["trip_id"],
                "min": 2,
            },
        ],
    )
    report = cimkit.check(path, standard=standard, samples=3)
    with zipfile.ZipFile(path) as archive:
        table = {
            name: pd.read_csv(io.BytesIO(archive.read(f"{name}.txt")), dtype=str)
            for name in ("stops", "trips", "stop_times")
        }
    times = table["stop_times"]
    calls = table["trips"].trip_id.map(times.trip_id.value_counts()).fillna(0)
    assert failed(report) == {
        ("times.once", "key.duplicate"): (
            len(times),
            int(times.duplicated(["trip_id", "stop_sequence"], keep=False).sum()),
        ),
        ("times.of", "relation.missing"): (len(times), int((~times.trip_id.isin(table["trips"].trip_id)).sum())),
        ("times.at", "relation.missing"): (len(times), int((~times.stop_id.isin(table["stops"].stop_id)).sum())),
        ("stops.served", "relation.cardinality"): (
            len(table["stops"]),
            int((~table["stops"].stop_id.isin(times.stop_id)).sum()),
        ),
        ("trips.two_stops", "relation.cardinality"): (len(table["trips"]), int((calls < 2).sum())),
    }


@pytest.mark.shared
def test_divisions_of_china_stand_below_each_other(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data/china_admin"
    read = {name: pd.read_csv(folder / f"{name}.csv", dtype=str) for name in ("provinces", "cities", "areas")}
    parents = {"provinces": None, "cities": "provinceCode", "areas": "cityCode"}
    parts = [
        frame.assign(parent=None if parents[name] is None else frame[parents[name]], level=level)
        for level, (name, frame) in enumerate(read.items(), start=1)
    ]
    divisions = pd.concat(parts)[["code", "name", "parent", "level"]]
    asked = {
        "id": "division.tree",
        "check": "hierarchy",
        "layer": "division",
        "parent": "parent",
        "level_field": "level",
    }
    fields = {"code": {**TEXT, "cim:key": True}, "name": TEXT, "parent": TEXT, "level": {"type": "integer"}}
    standard = package(tmp_path, {"division": fields}, [asked])
    path = tmp_path / "division.csv"
    divisions.to_csv(path, index=False)
    below = len(read["cities"]) + len(read["areas"])
    assert failed(cimkit.check(path, standard=standard)) == {
        ("division.tree", "relation.missing"): (below, 0),
        ("division.tree", "relation.cycle"): (below, 0),
        ("division.tree", "relation.level"): (below, 0),
    }
    # Hohhot's counties below one of themselves, and Beijing's below the province.
    divisions.loc[divisions.code == "1501", "parent"] = "150102"
    divisions.loc[divisions.parent == "1101", "parent"] = "11"
    divisions.to_csv(path, index=False)
    moved = int(((divisions.parent == "11") & (divisions.level == 3)).sum())
    assert moved > 10
    assert failed(cimkit.check(path, standard=standard)) == {
        ("division.tree", "relation.missing"): (below, 0),
        ("division.tree", "relation.cycle"): (below, 2),
        ("division.tree", "relation.level"): (below, moved),
    }


@pytest.mark.shared
def test_air_quality_of_dresden(shared: Path, tmp_path: Path) -> None:
    """Hours of two months; midnight is written as that of the day before."""
    frames = []
    for path in sorted((shared / "data/air_quality_saxony").glob("*/*.csv")):
        wide = pd.read_csv(path, skiprows=[1], dtype=str)
        long = wide.melt(["Datum", "Zeit"], var_name="property").dropna()
        frames.append(long.assign(station=path.stem))
    frame = pd.concat(frames, ignore_index=True)
    frame["time"] = frame.Datum + "T" + frame.Zeit.str.replace("24:00", "00:00") + ":00+01:00"
    frame = frame[["station", "property", "time", "value"]]
    by = {"by": ["station", "property"], "time": "time", "layer": "measured"}
    standard = package(
        tmp_path,
        {
            "measured": {
                "station": TEXT,
                "property": TEXT,
                "time": {**TEXT, "format": "date-time"},
                "value": {"type": "number"},
            }
        },
        [
            {"id": "measured.hourly", "check": "cadence", "every": "PT1H", **by},
            {"id": "measured.moves", "check": "stuck", "value": "value", "run": 12, "allow": [0], **by},
            {
                "id": "measured.can_be",
                "check": "range",
                "layer": "measured",
                "by": ["property"],
                "value": "value",
                "ranges": {
                    "TEMP": {"min": -40, "max": 45},
                    "FEUCHT": {"min": 0, "max": 100},
                    "O3": {"min": 0, "max": 300},
                },
            },
            {"id": "measured.been", "check": "times", "layer": "measured", "fields": ["time"]},
        ],
    )
    path = tmp_path / "measured.csv"
    frame.sample(frac=1, random_state=1).to_csv(path, index=False)
    frame = pd.read_csv(path, dtype={"station": str, "property": str})
    report = cimkit.check(path, standard=standard, samples=None, clock="2020-01-01T00:00:00Z")
    found = failed(report)
    times = pd.to_datetime(frame.time, errors="coerce", utc=True)
    ordered = frame.assign(at=times).dropna(subset=["at"]).sort_values(["station", "property", "at"], kind="stable")
    apart = ordered.groupby(["station", "property"]).at.diff()
    assert found["measured.hourly", "observation.gap"] == (len(ordered), int((apart > pd.Timedelta("1.5h")).sum()))
    assert found["measured.hourly", "observation.duplicate"] == (len(ordered), int((apart == pd.Timedelta(0)).sum()))
    limits = {"TEMP": (-40, 45), "FEUCHT": (0, 100), "O3": (0, 300)}
    judged = frame[frame.property.isin(limits)]
    outside = [not limits[p][0] <= v <= limits[p][1] for p, v in zip(judged.property, judged.value, strict=True)]
    assert found["measured.can_be", "observation.range"] == (len(judged), sum(outside))
    assert found["measured.been", "time.future"] == (len(ordered), 0)
    assert found["measured.moves", "observation.stuck"][0] == len(ordered)
