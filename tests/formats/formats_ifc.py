"""Makes small IFC models as STEP text, entity by entity, so that every number in them is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def escaped(text: str) -> str:
    r"""Text as ISO 10303-21 writes it, with \X2\ for what is not ASCII."""
    parts = []
    for character in text.replace("\\", "\\\\").replace("'", "''"):
        parts.append(character if character.isascii() else f"\\X2\\{ord(character):04X}\\X0\\")
    return "".join(parts)


class Model:
    """A model that grows by entities; ``text`` is the whole file."""

    def __init__(
        self,
        schema: str = "IFC4",
        *,
        prefix: str = "$",
        foot: bool = False,
        place: str = "$,$,$",
        north: tuple[float, float] | None = None,
        world: tuple[float, float] = (0.0, 0.0),
        names_as_they_are: bool = False,
    ) -> None:
        self.schema = schema
        self.lines: list[str] = []
        self._as_is = names_as_they_are
        metre = self.add(f"IFCSIUNIT(*,.LENGTHUNIT.,{prefix},.METRE.)")
        area = self.add("IFCSIUNIT(*,.AREAUNIT.,$,.SQUARE_METRE.)")
        if foot:
            size = self.add("IFCDIMENSIONALEXPONENTS(1,0,0,0,0,0,0)")
            measure = self.add(f"IFCMEASUREWITHUNIT(IFCLENGTHMEASURE(0.3048),{metre})")
            metre = self.add(f"IFCCONVERSIONBASEDUNIT({size},.LENGTHUNIT.,'FOOT',{measure})")
        self.unit = metre
        units = self.add(f"IFCUNITASSIGNMENT(({metre},{area}))")
        self.up = self.add("IFCDIRECTION((0.,0.,1.))")
        corner = self.add(f"IFCCARTESIANPOINT(({world[0]},{world[1]},0.))")
        system = self.add(f"IFCAXIS2PLACEMENT3D({corner},$,$)")
        true_north = self.add(f"IFCDIRECTION(({north[0]},{north[1]}))") if north else "$"
        self.context = self.add(f"IFCGEOMETRICREPRESENTATIONCONTEXT($,'Model',3,1.E-5,{system},{true_north})")
        self.project = self.add(f"IFCPROJECT({self.guid()},$,'P',$,$,'Project',$,({self.context}),{units})")
        self.site_place = self.placed()
        self.site = self.add(f"IFCSITE({self.guid()},$,'Site',$,$,{self.site_place},$,$,.ELEMENT.,{place},$,$)")
        self.part(self.project, self.site)

    def add(self, entity: str) -> str:
        self.lines.append(f"#{len(self.lines) + 1}={entity};")
        return f"#{len(self.lines)}"

    def guid(self) -> str:
        return f"'{len(self.lines) + 1:022d}'"

    def name(self, text: str) -> str:
        return "'" + (text.replace("'", "''") if self._as_is else escaped(text)) + "'"

    def placed(self, x: float = 0.0, y: float = 0.0, z: float = 0.0, within: str = "$") -> str:
        point = self.add(f"IFCCARTESIANPOINT(({x},{y},{z}))")
        return self.add(f"IFCLOCALPLACEMENT({within},{self.add(f'IFCAXIS2PLACEMENT3D({point},$,$)')})")

    def part(self, whole: str, *parts: str) -> None:
        self.add(f"IFCRELAGGREGATES({self.guid()},$,$,$,{whole},({','.join(parts)}))")

    def within(self, storey: str, *elements: str) -> None:
        self.add(f"IFCRELCONTAINEDINSPATIALSTRUCTURE({self.guid()},$,$,$,({','.join(elements)}),{storey})")

    def block(self, width: float, depth: float, height: float) -> str:
        """The shape of a box that stands on the placement's origin, to the right of it and behind it."""
        width, depth, height = float(width), float(depth), float(height)
        middle = self.add(f"IFCCARTESIANPOINT(({width / 2},{depth / 2}))")
        profile = self.add(
            f"IFCRECTANGLEPROFILEDEF(.AREA.,$,{self.add(f'IFCAXIS2PLACEMENT2D({middle},$)')},{width},{depth})"
        )
        origin = self.add(f"IFCAXIS2PLACEMENT3D({self.add('IFCCARTESIANPOINT((0.,0.,0.))')},$,$)")
        solid = self.add(f"IFCEXTRUDEDAREASOLID({profile},{origin},{self.up},{height})")
        shape = self.add(f"IFCSHAPEREPRESENTATION({self.context},'Body','SweptSolid',({solid}))")
        return self.add(f"IFCPRODUCTDEFINITIONSHAPE($,$,({shape}))")

    def building(self, name: str = "一号楼", x: float = 0.0, y: float = 0.0, z: float = 0.0, height: str = "$") -> str:
        self.building_place = self.placed(x, y, z, self.site_place)
        made = self.add(
            f"IFCBUILDING({self.guid()},$,{self.name(name)},$,$,{self.building_place},$,$,.ELEMENT.,{height},$,$)"
        )
        self.part(self.site, made)
        return made

    def storey(self, building: str, name: str, elevation: float | None, z: float | None = None) -> tuple[str, str]:
        place = self.placed(0.0, 0.0, (elevation or 0.0) if z is None else z, self.building_place)
        said = "$" if elevation is None else repr(float(elevation))
        made = self.add(f"IFCBUILDINGSTOREY({self.guid()},$,{self.name(name)},$,$,{place},$,$,.ELEMENT.,{said})")
        self.part(building, made)
        return made, place

    def space(self, storey: tuple[str, str], number: str, name: str, x: float, y: float, shape: str = "$") -> str:
        place = self.placed(x, y, 0.0, storey[1])
        made = self.add(
            f"IFCSPACE({self.guid()},$,{self.name(number)},$,$,{place},{shape},{self.name(name)},.ELEMENT.,.INTERNAL.,$)"
        )
        self.part(storey[0], made)
        return made

    def wall(self, storey: tuple[str, str], name: str, x: float, y: float, shape: str = "$") -> str:
        place = self.placed(x, y, 0.0, storey[1])
        more = "" if self.schema.startswith("IFC2X3") else ",$"
        made = self.add(
            f"IFCWALL({self.guid()},$,{self.name(name)},$,$,{place},{shape},{self.name('tag-' + name)}{more})"
        )
        self.within(storey[0], made)
        return made

    def slab(self, storey: tuple[str, str], x: float, y: float, shape: str, kind: str = "FLOOR") -> str:
        place = self.placed(x, y, 0.0, storey[1])
        made = self.add(f"IFCSLAB({self.guid()},$,'slab',$,$,{place},{shape},$,.{kind}.)")
        self.within(storey[0], made)
        return made

    def properties(self, owner: str, title: str, values: Sequence[tuple[str, str]]) -> None:
        """A property set; values are STEP, such as ``IFCBOOLEAN(.T.)``."""
        parts = [self.add(f"IFCPROPERTYSINGLEVALUE({self.name(name)},$,{value},$)") for name, value in values]
        made = self.add(f"IFCPROPERTYSET({self.guid()},$,{self.name(title)},$,({','.join(parts)}))")
        self.add(f"IFCRELDEFINESBYPROPERTIES({self.guid()},$,$,$,({owner}),{made})")

    def quantity(self, owner: str, title: str, kind: str, name: str, value: float) -> None:
        part = self.add(f"IFCQUANTITY{kind}('{name}',$,$,{value}{'' if self.schema.startswith('IFC2X3') else ',$'})")
        made = self.add(f"IFCELEMENTQUANTITY({self.guid()},$,'{title}',$,$,({part}))")
        self.add(f"IFCRELDEFINESBYPROPERTIES({self.guid()},$,$,$,({owner}),{made})")

    def conversion(
        self, name: str, east: float, north: float, height: float = 0.0, turn: tuple[float, float] | None = None,
        scale: float | None = None, unit: str = "$",
    ) -> None:  # fmt: skip
        said = name if name == "$" else f"'{name}'"
        crs = self.add(f"IFCPROJECTEDCRS({said},$,$,$,$,$,{unit})")
        x, y = turn or ("$", "$")
        factor = "$" if scale is None else scale
        self.add(f"IFCMAPCONVERSION({self.context},{crs},{east},{north},{height},{x},{y},{factor})")

    @property
    def text(self) -> str:
        head = [
            "ISO-10303-21;", "HEADER;", "FILE_DESCRIPTION(('ViewDefinition [CoordinationView]'),'2;1');",
            "FILE_NAME('m.ifc','2024-05-01T12:00:00',(''),(''),'','','');", f"FILE_SCHEMA(('{self.schema}'));",
            "ENDSEC;", "DATA;",
        ]  # fmt: skip
        return "\n".join([*head, *self.lines, "ENDSEC;", "END-ISO-10303-21;", ""])

    def write(self, path: Path, encoding: str = "ascii") -> Path:
        path.write_bytes(self.text.encode(encoding))
        return path


def house(
    path: Path, schema: str = "IFC4", *, per_metre: float = 1.0, encoding: str = "ascii", **options: object
) -> Path:
    """A house of 10 x 8 m: a cellar at -3, two storeys of 3 m with a room and a wall each, and a flat roof at 6."""
    u = per_metre
    model = Model(schema, **options)  # type: ignore[arg-type]
    building = model.building(z=0.0)
    cellar = model.storey(building, "地下室", -3 * u)
    first = model.storey(building, "一层", 0.0)
    second = model.storey(building, "二层", 3 * u)
    roof = model.storey(building, "屋面", 6 * u)
    room = model.space(first, "101", "客厅", 0.3 * u, 0.3 * u, model.block(9.4 * u, 7.4 * u, 2.7 * u))
    model.space(second, "201", "卧室", 0.3 * u, 0.3 * u, model.block(9.4 * u, 7.4 * u, 2.7 * u))
    model.slab(first, 0.0, 0.0, model.block(10 * u, 8 * u, 0.2 * u))
    model.slab(roof, -0.5 * u, -0.5 * u, model.block(11 * u, 9 * u, 0.3 * u), "ROOF")
    model.slab(cellar, 0.0, 0.0, model.block(5 * u, 8 * u, 0.2 * u), "BASESLAB")
    wall = model.wall(first, "南墙", 0.0, 0.0, model.block(10 * u, 0.3 * u, 3 * u))
    model.wall(second, "南墙", 0.0, 0.0, model.block(10 * u, 0.3 * u, 3 * u))
    model.properties(wall, "Pset_WallCommon", [
        ("LoadBearing", "IFCBOOLEAN(.T.)"), ("IsExternal", "IFCBOOLEAN(.F.)"), ("FireRating", "IFCLABEL('F90')"),
        ("厚度", f"IFCLENGTHMEASURE({0.3 * u})"),
    ])  # fmt: skip
    model.quantity(room, "Qto_SpaceBaseQuantities", "AREA", "NetFloorArea", 69.5)
    return model.write(path, encoding)
