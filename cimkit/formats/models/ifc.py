"""IFC building models (IFC2x3, IFC4, IFC4x3): layers of sites, buildings, storeys, spaces and elements, and an asset.

Lengths, heights and areas are in metres, whatever the model's units; property sets are as
delivered, in the column ``properties``. Geometry is the footprint, in the CRS that the model is
placed in; it is made when a layer's records are asked for, and ``footprint_how`` says from what.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from cimkit import crs as crs_names
from cimkit.formats.columns import FID, GEOMETRY, JSON_MARK
from cimkit.formats.dataset import Dataset, Delivery, Layer, Stream
from cimkit.formats.models import ifc_place
from cimkit.formats.models.ifc_model import IfcModel, open_model
from cimkit.formats.models.ifc_rows import COLUMNS, Row, Rows
from cimkit.formats.models.ifc_shapes import MOST_SHAPES, Footprint, footprints, united
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Asset, BBox, Evidence, Hint

_FLOORS = ("IfcSpace", "IfcSlab")
_WALLS = ("IfcWall", "IfcCurtainWall", "IfcColumn")
_STRUCTURE = (*_FLOORS, "IfcRoof", *_WALLS)
_MOST_PLACED = 10_000
_MOST_CLASSES = 40


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The layers of a model that hold anything, and the model itself as an asset."""
    delivery = Delivery(probe.path, format, (probe.path,))
    source = _Source(open_model(probe, wishes), wishes)
    found = [IfcLayer(delivery, name, source) for name in COLUMNS if source.rows.entities(name)]
    return Dataset(delivery, tuple(found), assets=(_asset(probe, source),))


class _Source:
    """A model with its place and rows, and the footprints that several of its layers need."""

    def __init__(self, model: IfcModel, wishes: Wishes) -> None:
        self.model = model
        self.place = ifc_place.find(model, wishes.crs)
        self.rows = Rows(model, self.place)

    @property
    def hints(self) -> list[Hint]:
        """What there is to say of the model, up to now."""
        return [*self.model.hints, *self.place.hints]

    @cached_property
    def _structure(self) -> dict[int, Footprint]:
        """What storeys and buildings are made of: spaces, slabs, roofs, walls and columns."""
        return footprints(self.model, [one for kind in _STRUCTURE for one in self.model.of(kind)])

    @cached_property
    def _others(self) -> dict[int, Footprint]:
        """All other elements."""
        others = [one for one in self.model.of("IfcElement") if not any(one.is_a(kind) for kind in _STRUCTURE)]
        return footprints(self.model, others)

    def _parts(self, *kinds: str) -> dict[int, Footprint]:
        """The footprints of the structure that are of one of these kinds; roof slabs are roofs."""
        found = {}
        for number, part in self._structure.items():
            one = self.model.file.by_id(number)
            if "IfcRoof" in kinds if _is_roof(one) else any(one.is_a(kind) for kind in kinds):
                found[number] = part
        return found

    @cached_property
    def storeys(self) -> dict[int, Footprint]:
        """The storeys' footprints: of their spaces and slabs, else of walls and columns, else of the roof."""
        found: dict[int, Footprint] = {}
        for how, kinds in (("spaces and slabs", _FLOORS), ("walls and columns", _WALLS), ("roof", ("IfcRoof",))):
            missing = [one for one in self.model.of("IfcBuildingStorey") if one.id() not in found]
            if not missing:
                break
            grouped = self._grouped(self._parts(*kinds), "IfcBuildingStorey")
            for storey in missing:
                made = united(grouped.get(storey.id(), ()), how)
                if made is not None:
                    found[storey.id()] = made
        return found

    def _grouped(self, parts: dict[int, Footprint], kind: str) -> dict[int, list[Footprint]]:
        grouped: dict[int, list[Footprint]] = {}
        for number, part in parts.items():
            whole = self.model.above(self.model.file.by_id(number), kind)
            if whole is not None:
                grouped.setdefault(whole.id(), []).append(part)
        return grouped

    @cached_property
    def buildings(self) -> dict[int, Footprint]:
        """The buildings' footprints: of spaces and walls above the ground, where there are none of all storeys."""
        by_storey = self._grouped(self._parts("IfcSpace", "IfcWall", "IfcCurtainWall"), "IfcBuildingStorey")
        found = {}
        for building in self.model.of("IfcBuilding"):
            own = self._storeys_of(building)
            standing = [part for one in own if self._stands(one) for part in by_storey.get(one.id(), ())]
            made = united(standing, "spaces and walls above ground") or united(
                (self.storeys[one.id()] for one in own if one.id() in self.storeys), "storeys"
            )
            if made is not None:
                found[building.id()] = made
        return found

    def _storeys_of(self, building: Any) -> list[Any]:
        return [one for one in self.model.of("IfcBuildingStorey") if self.model.above(one, "IfcBuilding") == building]

    def _stands(self, storey: Any) -> bool:
        return (self.rows.storey_number(storey) or 0) > 0

    def height(self, building: Any) -> float | None:
        """From the floor of the lowest storey above the ground to the highest roof, wall or space."""
        floors = [self.model.placement(one) for one in self._storeys_of(building) if self._stands(one)]
        floor = min((float(placed[2, 3]) for placed in floors if placed is not None), default=None)
        parts = self._grouped(self._structure, "IfcBuilding").get(building.id(), ())
        tops = [part.high for part in parts]
        return round(max(tops) - floor, 3) if floor is not None and tops and max(tops) > floor else None

    def footprints_of(self, layer: str, entities: Sequence[Any]) -> dict[int, Footprint]:
        """The footprints of a layer's entities, by number."""
        if layer == "building_storey":
            return self.storeys
        if layer == "building":
            return self.buildings
        if layer == "space":
            return self._structure
        if layer == "element":
            return {**self._structure, **self._others}
        return footprints(self.model, entities)


def _is_roof(one: Any) -> bool:
    return bool(one.is_a("IfcRoof") or (one.is_a("IfcSlab") and getattr(one, "PredefinedType", None) == "ROOF"))


class IfcLayer(Layer):
    """One kind of thing of a model."""

    def __init__(self, delivery: Delivery, name: str, source: _Source) -> None:
        super().__init__(delivery, name)
        self._source = source

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        source = self._source
        fields = [
            pa.field(name, kind, metadata={JSON_MARK: b"true"} if name == "properties" else None)
            for name, kind in COLUMNS[self.name].items()
        ]
        schema = pa.schema([*fields, pa.field(GEOMETRY, pa.binary()), pa.field(FID, pa.string())])
        entities = source.rows.entities(self.name)
        hints = list(source.hints)
        if self.name == "building_storey":
            message = "Storeys are numbered by their elevation: 1 stands on the ground, -1 is the first below."
            hints.append(Hint("ifc.storey_numbers", message))
        yield Stream(
            schema=schema,
            batches=self._batches(entities, schema, batch_size, hints),
            crs=source.place.crs,
            encoding=source.model.encoding,
            hints=hints,
            declared_kind="Polygon",
            total=len(entities),
            rejected=list(source.model.rejected),
        )

    def _batches(
        self, entities: Sequence[Any], schema: pa.Schema, batch_size: int, hints: list[Hint]
    ) -> Iterator[pa.RecordBatch]:
        made = self._source.footprints_of(self.name, entities)
        model = self._source.model
        if model.failure:
            hints.append(Hint("ifc.shapes", f"Shapes cannot be made; the first reason: {model.failure}"))
        if model.skipped:
            message = f"{model.skipped:,} shapes beyond the first {MOST_SHAPES:,} are not made."
            hints.append(Hint("ifc.shapes_limited", message))
        waiting = iter(entities)
        while batch := list(islice(waiting, batch_size)):
            rows = [self._row(entity, made.get(entity.id())) for entity in batch]
            yield pa.RecordBatch.from_pylist(rows, schema=schema)

    def _row(self, entity: Any, footprint: Footprint | None) -> Row:
        row = self._source.rows.row(self.name, entity)
        shape = None
        if footprint is not None:
            shape = shapely.normalize(self._source.place.geometry(footprint.shape))
            row["footprint_how"] = footprint.how
            if self.name == "space" and not row["area_m2"]:
                row |= {"area_m2": round(footprint.shape.area, 3), "area_how": "footprint"}
        if self.name == "building" and not row["height_m"]:
            height = self._source.height(entity)
            row |= {"height_m": height, "height_how": "shapes" if height else None}
        row[GEOMETRY] = shapely.to_wkb(shape, flavor="iso", byte_order=1) if shape is not None else None
        row[FID] = f"#{entity.id()}"
        return row


def _asset(probe: Probe, source: _Source) -> Asset:
    model = source.model
    counts = Counter(one.is_a() for one in model.of("IfcProduct"))
    project = next(iter(model.of("IfcProject")), None)
    header = model.file.header
    named = getattr(project, "LongName", None) or getattr(project, "Name", None)
    bbox, placed = _extent(source)
    about = {
        "schema": model.schema,
        "project": named if isinstance(named, str) else None,
        "views": [str(one) for one in header.file_description.description],
        "exported": header.file_name.time_stamp,
        "application": next((_text_of(one) for one in model.of("IfcApplication")), None),
        "metres_per_unit": model.metres,
        "products": sum(counts.values()),
        "classes": dict(counts.most_common(_MOST_CLASSES)),
        **source.place.about,
    }
    hints = list(source.hints)
    if not counts:
        hints.append(Hint("ifc.no_products", "The model holds no site, building or element."))
    if placed:
        about["extent_of"] = f"origins of {placed:,} placements, not their shapes"
    crs: Evidence = source.place.crs
    return Asset(
        name=probe.path.name,
        kind="model",
        path=str(probe.path),
        bytes=probe.path.stat().st_size,
        crs=crs,
        bbox=bbox,
        bbox_crs84=crs_names.bbox_crs84(bbox, crs.value) if bbox and crs.value else None,
        about={key: value for key, value in about.items() if value not in (None, "", [], {})},
        hints=tuple(hints),
    )


def _text_of(application: Any) -> str:
    return f"{application.ApplicationFullName} {application.Version or ''}".strip()


def _extent(source: _Source) -> tuple[BBox | None, int]:
    """The extent of the origins of the elements' placements, and how many those are."""
    model = source.model
    things = (model.of("IfcElement") or model.of("IfcSpatialStructureElement"))[:_MOST_PLACED]
    origins = [matrix[:2, 3] for one in things if (matrix := model.placement(one)) is not None]
    points = np.array(origins).reshape(-1, 2)
    points = source.place.points(points[np.isfinite(points).all(axis=1)])
    if not len(points):
        return None, 0
    (west, south), (east, north) = points.min(axis=0), points.max(axis=0)
    return (float(west), float(south), float(east), float(north)), len(points)
