"""The address register: the east of the district as a workbook, the west as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .buildings import Building
from .files import write_csv, write_xlsx
from .ledger import Delivery, Ledger, Record
from .plan import COUNTY_NAME, TOWNSHIPS, lonlat, rng

WORKBOOK, TABLE = "addresses/east.xlsx", "addresses/west.csv"
SHEET, NOTES = "门牌登记", "填写说明"
NAMES = {code: name for code, name, _, _ in TOWNSHIPS}
#: Postal codes of Inner Mongolia's capital begin with 01: the leading zero is what is lost first.
POSTCODES = {code: f"0100{10 + n}" for n, (code, _, _, _) in enumerate(TOWNSHIPS)}


def deliver(out: Path, buildings: list[Building], surveyed: dict[str, str], ledger: Ledger) -> None:
    """Write both halves; ``surveyed`` gives the id that the survey has for a building."""
    random = rng("addresses")
    east: list[Record] = []
    west: list[Record] = []
    for building in buildings:
        survey_id = surveyed.get(building.key)
        if survey_id is None or random.random() < 0.08:
            continue
        (east if building.block.column >= 6 else west).append(_facts(random, building, survey_id))
    _workbook(out, east, ledger)
    _table(out, west, ledger)


def _facts(random: Any, building: Building, survey_id: str) -> Record:
    township = building.block.township
    door = building.shape.centroid
    return {
        "township": township,
        "street": building.street,
        "number": f"{building.number}号",
        "unit": f"{random.randint(1, 4)}单元"
        if building.use in ("slabs", "towers") and random.random() < 0.2
        else None,
        "full": f"{COUNTY_NAME}{NAMES[township]}{building.street}{building.number}号",
        "postcode": POSTCODES[township],
        "building": survey_id if random.random() < 0.9 else None,
        "point": lonlat(door),
        "at": f"202{random.randint(2, 4)}-0{random.randint(1, 4)}-{random.randint(1, 28):02d}",
    }


def _workbook(out: Path, facts: list[Record], ledger: Ledger) -> None:
    random = rng("workbook")
    records = [
        {
            "地址编号": f"QLE-{n:05d}",
            "地址全称": fact["full"] + (fact["unit"] or ""),
            "行政区代码": fact["township"],
            "街路巷": fact["street"],
            "门牌号": fact["number"],
            "单元": fact["unit"],
            "邮政编码": fact["postcode"],
            "档案号": n * 7 % 100_000,  # a number that a number format shows with its leading zeros
            "建筑编号": fact["building"],
            "定位级别": random.choice(["院落", "院落", "出入口"]),
            "经度": fact["point"].x,
            "纬度": fact["point"].y,
            "登记时间": f"{fact['at']}T09:00:00+08:00",
        }
        for n, fact in enumerate(facts, start=1)
    ]
    delivery = Delivery(WORKBOOK, SHEET, records, random, ledger)
    lost = lambda record: record["邮政编码"][1:]  # noqa: E731
    delivery.spoil("pattern", "邮政编码", [lost] * 5, "the leading zero is lost")
    delivery.spoil("required", "地址全称", [None] * 3, "no address")
    delivery.spoil("required", "街路巷", [None] * 3, "a door number without a street (if/then)")
    delivery.spoil("required", "行政区代码", [None] * 2, "no division")
    delivery.spoil(
        "relation.missing", "建筑编号", ["150199003999901", "150199004999902", "150199007999903"], "no such building"
    )
    delivery.spoil("relation.missing", "行政区代码", ["150199088", "150199089"], "no such division")
    delivery.spoil("enum", "定位级别", ["楼层", "大概"], "a level that is not in the list")
    delivery.spoil("format", "登记时间", ["2024/3/18", "44998"], "not a date and time")
    for _ in range(2):
        row = delivery.pick()
        records[row] |= {"经度": None, "纬度": None}
        delivery.note(row, "geometry", "geometry.missing", "without coordinates")
    delivery.twice("地址编号", 2)
    notes = [
        ["项目", "说明"],
        ["邮政编码", "六位，首位为零时不得省略"],
        ["建筑编号", "与测绘成果的标识码（BSM）一致"],
        ["经度、纬度", "CGCS2000，十进制度"],
    ]
    header = list(records[0])
    write_xlsx(
        out / WORKBOOK,
        {SHEET: [header, *([row[name] for name in header] for row in delivery.rows())], NOTES: notes},
        {"档案号": "000000", "邮政编码": "@", "行政区代码": "@", "建筑编号": "@"},
    )


def _table(out: Path, facts: list[Record], ledger: Ledger) -> None:
    random = rng("table")
    records = [
        {
            "dzbm": f"QLW{n:06d}",
            "dzqc": fact["full"] + (f"，{fact['unit']}" if fact["unit"] else ""),
            "xzqdm": fact["township"],
            "jlx": fact["street"],
            "mph": fact["number"],
            "yzbm": fact["postcode"],
            "jzbs": fact["building"],
            "lon": f"{fact['point'].x:.6f}",
            "lat": f"{fact['point'].y:.6f}",
            "gxsj": f"{fact['at']}T01:00:00Z",
        }
        for n, fact in enumerate(facts, start=1)
    ]
    delivery = Delivery(TABLE, "west", records, random, ledger)
    delivery.spoil("pattern", "yzbm", ["10010", "10012", "O10013", "0100-14", "01 0010"], "not six digits")
    delivery.spoil("pattern", "dzbm", ["7", "#N/A"], "not an id")
    delivery.spoil("required", "gxsj", [None] * 2, "nobody knows since when")
    delivery.spoil("minLength", "dzqc", ["柳", "?"], "too short for an address")
    delivery.spoil(
        "relation.missing", "jzbs", ["150199001999904", "150199005999905", "150199006999906"], "no such building"
    )
    delivery.spoil("relation.missing", "xzqdm", ["150198001"], "no such division")
    delivery.spoil("format", "gxsj", ["2024-04-31T01:00:00Z", "18.03.2024"], "not a date and time")
    for lon, lat in ((None, None), (None, None), ("111.70°E", "40.79°N")):
        row = delivery.pick()
        records[row] |= {"lon": lon, "lat": lat}
        delivery.note(row, "geometry", "geometry.missing", "without coordinates that can be read")
    delivery.twice("dzbm", 2)
    write_csv(out / TABLE, delivery.rows(), newline="\r\n")
