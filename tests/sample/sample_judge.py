"""What is wrong with the sample city by cim-core, found record by record without cimkit.

The judge follows the demo's crosswalks and the standard's schemas with plain Python,
`jsonschema` and shapely, slowly and literally, and answers in the ledger's terms: file, row,
the source's own column, and the finding's code. It is the oracle for the ledger and for check.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from sample_readers import Rows, read
from shapely.validation import explain_validity

Found = tuple[str, int, str, str]  # file, row, field, kind

#: The crosswalks' three SQL expressions in Python.
COMPUTED = {
    ("osm", "id"): lambda row: "osm:" + row["@id"].replace("/", ":"),
    ("ml", "height_m"): lambda row: None if row["height"] == -1 else row["height"],
}
COLUMNS = {("osm", "id"): "@id", ("ml", "height_m"): "height"}
NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*(m|ft)?\s*")
METRES = {None: 1.0, "m": 1.0, "ft": 0.3048}
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    return not isinstance(value, str) or bool(date.fromisoformat(value) and len(value) == 10)


@FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or bool(DATE_TIME.fullmatch(value) and datetime.fromisoformat(value))


class Judge:
    """The standard and the pipeline's sources, and every record mapped to its layer."""

    def __init__(self, pipelines: Path, standard: Path) -> None:
        self.standard = standard
        self.sources: dict[str, dict[str, Any]] = yaml.safe_load((pipelines / "demo.yaml").read_text("utf-8"))[
            "sources"
        ]
        self.crosswalks = {
            name: yaml.safe_load((pipelines / source["crosswalk"]).read_text("utf-8"))
            for name, source in self.sources.items()
        }
        self.layers = {source["layer"] for source in self.sources.values()}
        self.schemas = {
            layer: json.loads((standard / "layers" / f"{layer}.schema.json").read_text("utf-8"))
            for layer in self.layers
        }
        self.rows: dict[str, Rows] = {}
        self.mapped: dict[str, list[dict[str, Any]]] = {}
        for name, source in self.sources.items():
            path = pipelines / source["path"]
            self.rows[name] = read(path, source.get("source_layer", path.stem))
            self.mapped[name] = [self._map(name, row) for row, _ in self.rows[name]]

    def file(self, name: str) -> str:
        """The source's file as the ledger names it."""
        return self.sources[name]["path"].removeprefix("../sample_data/")

    def verdicts(self) -> set[Found]:
        """Everything that is wrong."""
        found: set[Found] = set()
        for name, source in self.sources.items():
            schema = self.schemas[source["layer"]]
            validator = jsonschema.Draft202012Validator(schema, format_checker=FORMATS)
            for number, record in enumerate(self.mapped[name]):
                wrong = [*self._values(name, schema, validator, record), *self._geometry(name, schema, number)]
                found |= {(self.file(name), number, field, kind) for field, kind in wrong}
        return found | self._keys() | self._relations()

    # ---- the crosswalk ----------------------------------------------------------------

    def column(self, name: str, field: str) -> str:
        """The source's own column of a field; of several, those that a finding names."""
        rule = self.crosswalks[name]["fields"].get(field, {})
        return COLUMNS.get((name, field)) or rule.get("from") or "|".join(rule.get("first", [])) or field

    def _map(self, name: str, row: Mapping[str, Any]) -> dict[str, Any]:
        properties = self.schemas[self.sources[name]["layer"]]["properties"]
        record = {}
        for field, rule in self.crosswalks[name]["fields"].items():
            value = self._value(name, field, rule, row)
            if value is not None and value != "":
                record[field] = _cast(value, properties[field])
        return record

    def _value(self, name: str, field: str, rule: Mapping[str, Any], row: Mapping[str, Any]) -> Any:
        if (name, field) in COMPUTED:
            return COMPUTED[name, field](row)
        if "value" in rule:
            return rule["value"]
        assert "sql" not in rule, f"{name}.{field} has an expression that the judge does not know"
        columns = rule.get("first") or [rule["from"]]
        value = next((row[column] for column in columns if row.get(column)), row.get(columns[-1]))
        if value is None or value == "":
            return None
        if "codes" in rule:
            value = rule["codes"].get(value, value)
        if rule.get("parse") == "number" and (match := NUMBER.fullmatch(value)):
            return f"{float(match[1]) * METRES[match[2]]:.12g}"
        if rule.get("parse") == "datetime" and isinstance(value, date):
            return datetime.combine(value, time()).isoformat() + "Z"
        return rule.get("prefix", "") + value if isinstance(value, str) else value

    # ---- the standard -----------------------------------------------------------------

    def _values(
        self, name: str, schema: Mapping[str, Any], validator: Any, record: Mapping[str, Any]
    ) -> Iterator[tuple[str, str]]:
        for error in validator.iter_errors(record):
            if error.validator == "required":
                (missing,) = re.findall(r"^'(.+)' is a required property", error.message)
                yield self.column(name, missing), "required"
            else:
                yield self.column(name, str(error.absolute_path[0])), str(error.validator)
        for field, specification in schema["properties"].items():
            if "cim:codelist" in specification and field in record:
                codes = self._codes(specification["cim:codelist"])
                if record[field] not in codes:
                    yield self.column(name, field), "codelist"
        parent, code = record.get("parent_code"), record.get("division_code")
        if parent and code and not (code.startswith(parent) and len(code) > len(parent)):
            yield "parent_code", "expression"

    def _codes(self, codelist: str) -> set[str]:
        with (self.standard / "codelists" / f"{codelist}.csv").open(encoding="utf-8", newline="") as file:
            return {row["code"] for row in csv.DictReader(file)}

    def _geometry(self, name: str, schema: Mapping[str, Any], number: int) -> Iterator[tuple[str, str]]:
        wanted = schema.get("cim:geometry")
        if wanted is None:
            return
        row, geometry = self.rows[name][number]
        columns = self.crosswalks[name].get("geometry")
        if columns is not None:
            if not all(NUMBER.fullmatch(str(row[columns[axis]])) for axis in ("x", "y")):
                yield "geometry", "geometry.missing"
            return
        if geometry is None:
            yield "geometry", "geometry.missing"
        elif geometry.is_empty:
            yield "geometry", "geometry.empty"
        elif geometry.geom_type not in wanted["types"]:
            yield "geometry", "geometry.kind"
        elif explain_validity(geometry) != "Valid Geometry":
            yield "geometry", "geometry.invalid"
        elif "min_area_m2" in wanted and _area(geometry) < wanted["min_area_m2"]:
            yield "geometry", "geometry.small"

    def _keys(self) -> set[Found]:
        found = set()
        for layer in self.layers:
            keys = [f for f, p in self.schemas[layer]["properties"].items() if p.get("cim:key")]
            for key in keys:
                names = [name for name, source in self.sources.items() if source["layer"] == layer]
                counts = Counter(record.get(key) for name in names for record in self.mapped[name])
                for name in names:
                    for number, record in enumerate(self.mapped[name]):
                        if key in record and counts[record[key]] > 1:
                            found.add((self.file(name), number, self.column(name, key), "key.duplicate"))
        return found

    def _relations(self) -> set[Found]:
        found = set()
        for name, source in self.sources.items():
            for field, specification in self.schemas[source["layer"]]["properties"].items():
                target, _, key = specification.get("cim:ref", "").partition(".")
                if target not in self.layers:
                    continue
                known = {r.get(key) for n, s in self.sources.items() if s["layer"] == target for r in self.mapped[n]}
                for number, record in enumerate(self.mapped[name]):
                    if field in record and record[field] not in known:
                        found.add((self.file(name), number, self.column(name, field), "relation.missing"))
        return found


def _cast(value: Any, specification: Mapping[str, Any]) -> Any:
    """A text cell in the standard's type, where it can be read so; else as it is."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if not isinstance(value, str):
        return str(value) if specification["type"] == "string" else value
    if specification["type"] == "integer" and re.fullmatch(r"\s*[+-]?\d+(\.0*)?\s*", value):
        return int(float(value))
    if specification["type"] == "number" and re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)\s*", value):
        return float(value)
    return value


def _area(geometry: Any) -> float:
    """Square metres, roughly: of degrees at the district's latitude, or of metres."""
    degrees = geometry.bounds[0] < 180
    return float(geometry.area) * (111_320.0 * 84_300.0 if degrees else 1.0)
