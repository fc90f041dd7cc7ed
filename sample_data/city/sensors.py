"""Devices, and a week of what they observed: weather and noise as CSV, air quality as JSON."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from shapely import STRtree
from shapely.geometry import Point

from .buildings import Building
from .files import write_csv, write_json
from .ledger import Delivery, Ledger, Record
from .plan import Plan, lonlat, place, rng

DEVICES, WEATHER, AIR = "devices/devices.csv", "devices/observations_weather.csv", "devices/observations_air.json"
HOURS = 7 * 24
START = datetime(2024, 5, 6, tzinfo=timezone(timedelta(hours=8)))  # a Monday, Beijing time
#: Device type -> what it observes; property -> unit (UCUM), middle, daily swing, noise.
KINDS = {
    "WS": ("气象站", 12, ("airTemperature", "relativeHumidity")),
    "NM": ("噪声监测仪", 6, ("LAeq",)),
    "AQ": ("空气质量站", 12, ("pm25", "no2")),
    "SL": ("路灯", 24, ("powerConsumption",)),
}
PROPERTIES = {
    "airTemperature": ("Cel", 16.0, 7.0, 0.6),
    "relativeHumidity": ("%", 42.0, -15.0, 3.0),
    "LAeq": ("dB", 56.0, 7.0, 2.0),
    "pm25": ("ug/m3", 38.0, 9.0, 6.0),
    "no2": ("ug/m3", 30.0, 12.0, 4.0),
}


def deliver(out: Path, plan: Plan, buildings: list[Building], surveyed: dict[str, str], ledger: Ledger) -> None:
    """Write the devices and their observations."""
    random = rng("devices")
    hosts = [building for building in buildings if building.key in surveyed]
    tree = STRtree([building.shape for building in hosts])
    records: list[Record] = []
    for kind, (label, count, properties) in KINDS.items():
        for n in range(1, count + 1):
            u, v = random.uniform(60, plan.u[-1] - 60), random.uniform(60, plan.v[-1] - 60)
            at = Point(place(u, v))
            point = lonlat(at)
            near = hosts[int(tree.nearest(at))]
            device = f"QL-{kind}-{n:02d}"
            records.append(
                {
                    "设备编号": device,
                    "设备名称": f"{near.street}{label}",
                    "设备类型": label,
                    "监测要素": ";".join(properties),
                    "状态": "离线" if random.random() < 0.1 else "正常",
                    "安装日期": f"20{random.randint(19, 23)}-{random.randint(1, 12):02d}-{random.randint(1, 28):02d}",
                    "安装高度": f"{random.choice([1.5, 3, 6, 12])}",
                    "挂接对象": surveyed[near.key],
                    "经度": f"{point.x:.7f}",
                    "纬度": f"{point.y:.7f}",
                    "更新时间": "2024-05-01T08:00:00+08:00",
                    "geometry": None,
                    "_entities": (),
                    "_id": device,
                }
            )
    delivery = Delivery(DEVICES, "devices", records, random, ledger)
    observers = [record["设备编号"] for record in records if not _is_lamp(record)]
    delivery.spoil("enum", "状态", ["报废中", "未知"], "a status that is not in the list", _is_lamp)
    delivery.spoil("format", "安装日期", ["2022-02-30", "22年夏天"], "not a date", _is_lamp)
    delivery.spoil("type", "安装高度", ["三米", "6m左右"], "text in the place of a height", _is_lamp)
    delivery.spoil("maximum", "安装高度", ["1200.5"], "higher than any mast", _is_lamp)
    delivery.spoil("required", "设备类型", [None], "no type", _is_lamp)
    delivery.spoil("codelist", "设备类型", ["智慧灯杆2代"], "a type that the list does not know", _is_lamp)
    row = delivery.pick(_is_lamp)
    records[row] |= {"经度": None, "纬度": None}
    delivery.note(row, "geometry", "geometry.missing", "without coordinates")
    delivery.twice("设备编号", 1, _is_lamp)
    write_csv(out / DEVICES, delivery.rows())
    _weather(out, [name for name in observers if "-AQ-" not in name], ledger)
    _air(out, [name for name in observers if "-AQ-" in name], ledger)


def _is_lamp(record: Record) -> bool:
    """Street lights have no observations, so that a bad one takes none with it."""
    return "-SL-" in record["设备编号"]


def _values(devices: list[str], part: str) -> list[tuple[str, str, datetime, float]]:
    """Device, property, hour and value; a few hours are missing, as they are in real weeks."""
    random = rng(part)
    found = []
    level = {name: random.gauss(0, 1) for name in devices}
    for hour in range(HOURS):
        at = START + timedelta(hours=hour)
        day = math.sin((hour % 24 - 9) / 24 * 2 * math.pi)
        for device in devices:
            for name in KINDS[device[3:5]][2]:
                if random.random() < 0.01:
                    continue
                _, middle, swing, noise = PROPERTIES[name]
                value = middle + swing * day + noise * (level[device] + random.gauss(0, 0.6))
                found.append((device, name, at, round(max(value, 1.0), 1)))
    return found


def _weather(out: Path, devices: list[str], ledger: Ledger) -> None:
    records: list[Record] = [
        {
            "seq": f"W{n:06d}",
            "device": device,
            "property": name,
            "time": at.isoformat(),
            "value": f"{value:.1f}",
            "unit": PROPERTIES[name][0],
            "flag": "good",
        }
        for n, (device, name, at, value) in enumerate(_values(devices, "weather"), start=1)
    ]
    delivery = Delivery(WEATHER, "observations_weather", records, rng("weather defects"), ledger)
    delivery.spoil("type", "value", ["—", "ERR", "1 6.2", "NaN?"], "no number")
    delivery.spoil("required", "value", [None] * 3, "no value")
    delivery.spoil("required", "unit", [None] * 2, "no unit")
    delivery.spoil("codelist", "property", ["temp", "airTemp"], "a property that the list does not know")
    delivery.spoil("relation.missing", "device", ["QL-WS-77", "QL-NM-99", "QL-WS-00"], "no such device")
    delivery.spoil(
        "format", "time", ["2024-05-08 12:00:00", "2024-05-09T25:00:00+08:00"], "without a zone, or no time at all"
    )
    delivery.spoil("enum", "flag", ["ok?", "9"], "a quality that is not in the list")
    delivery.twice("seq", 2)
    write_csv(out / WEATHER, delivery.rows())


def _air(out: Path, devices: list[str], ledger: Ledger) -> None:
    records: list[Record] = [
        {
            "id": f"urn:ngsi-ld:DeviceMeasurement:A{n:06d}",
            "refDevice": device,
            "controlledProperty": name,
            "dateObserved": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "numValue": value,
            "unit": PROPERTIES[name][0],
        }
        for n, (device, name, at, value) in enumerate(_values(devices, "air"), start=1)
    ]
    delivery = Delivery(AIR, "observations_air", records, rng("air defects"), ledger)
    delivery.spoil("required", "numValue", [None] * 3, "no value")
    delivery.spoil("type", "numValue", ["n/a", "36,2"], "text among the numbers")
    delivery.spoil("required", "refDevice", [None] * 2, "no device")
    delivery.spoil("codelist", "controlledProperty", ["PM2.5", "dust"], "a property that the list does not know")
    delivery.spoil("relation.missing", "refDevice", ["QL-AQ-31", "QL-AQ-32"], "no such device")
    delivery.spoil("format", "dateObserved", ["2024-05-07T24:61:00Z", "07.05.2024 08:00"], "not a date and time")
    delivery.twice("id", 2)
    write_json(out / AIR, delivery.rows())
