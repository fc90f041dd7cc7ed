"""The city's own survey: a shapefile in GBK, without .cpg, on the 3-degree zone of CGCS2000."""

from __future__ import annotations

from pathlib import Path

from shapely.geometry import Polygon

from .buildings import Building
from .files import write_shapefile
from .ledger import Delivery, Ledger, Record
from .plan import METRIC, rng

FILE = "survey/buildings.shp"
#: Name -> type, width in bytes, decimals. Heights came through a CAD drawing and are text.
COLUMNS = {
    "BSM": ("C", 20, 0),
    "MC": ("C", 60, 0),
    "JZGN": ("C", 20, 0),
    "JZGD": ("C", 10, 0),
    "DSCS": ("N", 4, 0),
    "DXCS": ("N", 3, 0),
    "JDGC": ("N", 8, 2),
    "JCNF": ("C", 10, 0),
    "JZMJ": ("N", 10, 2),
    "CIMJB": ("N", 2, 0),
    "SJLY": ("C", 16, 0),
    "GXSJ": ("C", 25, 0),
    "BZ": ("C", 40, 0),
}
#: What the survey calls a use: the label of the newer sheets and the code of the older ones.
LABELS = {
    "residential": (("住宅", "0101"), ("宅基地住宅", "0102")),
    "commercial": (("商业服务", "0201"), ("办公", "0202")),
    "industrial": (("工业厂房", "0301"), ("仓储", "0302")),
    "education": (("学校", "0401"),),
    "medical": (("医疗卫生", "0402"),),
    "civic": (("行政办公", "0403"),),
    "religious": (("宗教", "0404"),),
    "entertainment": (("文体娱乐", "0405"),),
    "service": (("公共服务设施", "0406"),),
    "transportation": (("交通场站", "0501"),),
    "agricultural": (("设施农业", "0601"),),
}


def bow_tie(shape: Polygon) -> Polygon:
    """The polygon with two neighbouring corners in the wrong order."""
    corners = list(shape.exterior.coords)[:-1]
    corners[0], corners[1] = corners[1], corners[0]
    crossed = Polygon(corners)
    if crossed.is_valid:
        raise ValueError(f"{shape.wkt} stays valid")
    return crossed


def deliver(out: Path, buildings: list[Building], ledger: Ledger) -> dict[str, str]:
    """Write the survey; the answer leads from a building's key to the id it has there."""
    random = rng("survey")
    records: list[Record] = []
    surveyed = [building for building in buildings if random.random() < 0.95]
    serial: dict[str, int] = {}
    for building in surveyed:
        code = building.block.township
        serial[code] = serial.get(code, 0) + 1
        number = f"{code}{serial[code]:06d}"
        labels = LABELS[building.function]
        label = labels[0] if len(labels) == 1 or building.use in ("slabs", "towers", "shops") else random.choice(labels)
        detailed = random.random() < 0.93
        height = f"{building.height + random.choice([-0.2, -0.1, 0.0, 0.0, 0.1, 0.2]):.1f}"
        records.append(
            {
                "BSM": number,
                "MC": building.name,
                "JZGN": label[building.block.column < 4],
                "JZGD": height if detailed or random.random() < 0.4 else None,
                "DSCS": building.floors,
                "DXCS": building.floors_below,
                "JDGC": building.base,
                "JCNF": str(building.year) if random.random() < 0.9 else None,
                "JZMJ": round(building.shape.area * building.floors, 2),
                "CIMJB": 2 if detailed else 1,
                "SJLY": "青柳测绘2024",
                "GXSJ": f"2024-0{random.randint(1, 4)}-{random.randint(1, 28):02d}"
                f"T{random.randint(8, 17):02d}:{random.randint(0, 59):02d}:00+08:00",
                "BZ": random.choice(["待核实", "屋顶加建", "有围墙"]) if random.random() < 0.03 else None,
                "geometry": building.shape,
                "_entities": (building.key,),
                "_id": number,
            }
        )
    random.shuffle(records)
    delivery = Delivery(FILE, "buildings", records, random, ledger)
    _spoil(delivery)
    delivery.tell("building", "BSM")
    write_shapefile(out / FILE, delivery.rows(), delivery.geometries(), COLUMNS, METRIC, "gbk")
    spoiled = {id_ for n in delivery.spoiled if (id_ := records[n]["_id"])}
    return {r["_entities"][0]: r["_id"] for r in records if r["_id"] not in spoiled}


def _spoil(delivery: Delivery) -> None:
    def tall(record: Record) -> bool:
        return record["CIMJB"] == 2

    delivery.spoil("required", "JZGN", [None] * 4, "no function")
    delivery.spoil("required", "GXSJ", [None] * 2, "no date of the survey")
    delivery.spoil("required", "JZGD", [None] * 5, "CIM level 2 without a height (if/then)", tall)
    delivery.spoil("codelist", "JZGN", ["其它", "0199", "商住", "99"], "a use that neither list knows")
    delivery.spoil("type", "JZGD", ["约18", "3层", "24.6m?"], "text in the place of a height", tall)
    delivery.spoil("type", "JCNF", ["九十年代", "1998?"], "text in the place of a year")
    delivery.spoil("exclusiveMinimum", "JZGD", ["0", "0.0", "-3.2"], "no height at all", tall)
    delivery.spoil("maximum", "JZGD", ["18600", "2450"], "millimetres or centimetres in the place of metres", tall)
    delivery.spoil("minimum", "DSCS", [-1, -2], "fewer floors than none")
    delivery.spoil("maximum", "DSCS", [999, 999], "a filler in the place of a number of floors")
    delivery.spoil("minimum", "CIMJB", [0, -1], "there is no such level", tall)
    delivery.spoil("minimum", "JCNF", ["198", "20"], "a year that lost its digits")
    delivery.spoil("format", "GXSJ", ["2024年3月5日", "2024-02-30T10:00:00+08:00"], "not a date and time")
    for bad in ("B#12", "柳-7", "QL 0007"):
        row = delivery.pick()
        delivery.records[row] |= {"BSM": bad, "_id": bad}
        delivery.note(row, "BSM", "pattern", "an id made up in the field")
    delivery.spoil("geometry.invalid", "geometry", [lambda r: bow_tie(r["geometry"])] * 3, "the outline crosses itself")
    delivery.spoil("geometry.missing", "geometry", [None] * 2, "a row without an outline")
    delivery.twice("BSM", 3)
