"""Points of interest from two providers: one in WGS84, one in GCJ-02 and GB18030, each in its own words."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from shapely.geometry import Point

from .buildings import Building
from .files import write_csv
from .ledger import Delivery, Ledger, Record
from .plan import lonlat, rng

FIRST, SECOND = "pois/liuye.csv", "pois/suiyuan.csv"
#: Category in the standard -> how the first and the second provider call it, how many, and invented names.
#: A brand has branches; of the others there is one each.
KINDS: dict[str, tuple[str, str, int, tuple[str, ...]]] = {
    "cafe": ("餐饮服务;咖啡厅", "美食/咖啡", 46, ("柳芽儿咖啡", "骆驼背咖啡")),
    "restaurant": ("餐饮服务;中餐厅", "美食/中餐", 150, ("灯塔湾火锅", "铁皮屋烤肉", "三颗枣牛肉面")),
    "convenience": ("购物服务;便利店", "购物/便利店", 96, ("夜猫铺便利店", "云朵格子便利")),
    "supermarket": ("购物服务;超市", "购物/超市", 40, ("邻里筐超市",)),
    "pharmacy": ("医疗保健;药店", "医疗/药店", 60, ("百草阶大药房", "青禾叶药房")),
    "clinic": ("医疗保健;诊所", "医疗/诊所", 44, ("白兔牙口腔",)),
    "bank": ("金融服务;银行", "生活服务/银行", 34, ("青柳农商储蓄所",)),
    "hotel": ("住宿服务;宾馆", "酒店/宾馆", 40, ("青瓦居酒店",)),
    "school": ("科教文化;学校", "教育/学校", 24, ()),
    "kindergarten": ("科教文化;幼儿园", "教育/幼儿园", 30, ("布谷鸟幼儿园",)),
    "hairdresser": ("生活服务;美发", "丽人/美发", 64, ("毛线团造型",)),
    "post_office": ("生活服务;快递", "生活服务/快递", 60, ("蚂蚱快递驿站",)),
    "parking": ("交通设施;停车场", "出行/停车场", 60, ()),
    "public_toilet": ("公共设施;公共厕所", "公共/厕所", 40, ()),
    "government": ("政府机构;机关", "公共/政府机构", 30, ()),
    "gym": ("体育休闲;健身", "运动/健身", 30, ("泥鳅健身",)),
    "bookshop": ("购物服务;书店", "购物/书店", 24, ("半间书房",)),
    "car_repair": ("汽车服务;维修", "爱车/维修", 48, ("扳手哥汽修",)),
}
#: What the independent ones are called, after a name.
TRADES = {
    "cafe": "咖啡馆 茶饮店",
    "restaurant": "饺子馆 面馆 涮肉坊 小炒店 羊杂馆",
    "convenience": "便利店 小卖部 烟酒店",
    "supermarket": "生活超市 鲜果超市",
    "pharmacy": "大药房 药店",
    "clinic": "诊所 中医诊所",
    "bank": "信用社",
    "hotel": "宾馆 旅店",
    "school": "培训学校 艺术学校",
    "kindergarten": "幼儿园",
    "hairdresser": "理发店 美发工作室",
    "post_office": "快递点 代收点",
    "gym": "健身房 瑜伽馆",
    "bookshop": "书店 文具书屋",
    "car_repair": "汽修厂 轮胎店",
}
GIVEN = [
    "老马",
    "王家",
    "丽丽",
    "阿勇",
    "小红",
    "䶮记",
    "赵记",
    "双喜",
    "福源",
    "金牛",
    "塞外",
    "东升",
    "百顺",
    "巧手",
    "老地方",
    "草原",
    "敕勒川",
    "丰泽",
    "玉泉",
    "如意",
    "顺和",
    "兴盛",
    "北方",
    "大青山",
    "三兄弟",
]
OFFICES = ["派出所", "司法所", "税务所", "市场监督管理所", "社区服务中心", "劳动保障所"]


def gcj02(lon: float, lat: float) -> tuple[float, float]:
    """WGS84 to GCJ-02 by the formula that public map libraries share (Krasovsky a, e2)."""
    a, e2 = 6378245.0, 0.00669342162296594323
    x, y, pi = lon - 105.0, lat - 35.0, math.pi
    waves = (20 * math.sin(6 * x * pi) + 20 * math.sin(2 * x * pi)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x)) + waves
    north += (20 * math.sin(y * pi) + 40 * math.sin(y / 3 * pi)) * 2 / 3
    north += (160 * math.sin(y / 12 * pi) + 320 * math.sin(y * pi / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x)) + waves
    east += (20 * math.sin(x * pi) + 40 * math.sin(x / 3 * pi)) * 2 / 3
    east += (150 * math.sin(x / 12 * pi) + 300 * math.sin(x / 30 * pi)) * 2 / 3
    phi = math.radians(lat)
    magic = 1 - e2 * math.sin(phi) ** 2
    d_lat = math.degrees(north / (a * (1 - e2) / magic**1.5))
    d_lon = math.degrees(east / (a / math.sqrt(magic) * math.cos(phi)))
    return lon + d_lon, lat + d_lat


def make_places(buildings: list[Building]) -> list[Record]:
    """The real places: key, category, name, branch, address, phone and where they are."""
    random = rng("places")
    shops = [b for b in buildings if b.use in ("shops", "offices")] * 6
    hosts = shops + [b for b in buildings if b.use in ("slabs", "towers", "village", "civic", "works")]
    found: list[Record] = []
    taken: set[tuple[str, str | None]] = set()
    for kind, (_, _, count, brands) in KINDS.items():
        for _ in range(count):
            host = random.choice(hosts)
            name, branch = _called(random, kind, host, brands)
            while (name, branch) in taken:
                host = random.choice(hosts)
                name, branch = _called(random, kind, host, brands)
            taken.add((name, branch))
            found.append(
                {
                    "key": f"p{len(found) + 1:04d}",
                    "kind": kind,
                    "name": name,
                    "branch": branch,
                    "street": host.street,
                    "number": host.number,
                    "phone": f"0471-0{random.randint(100000, 999999)}"
                    if kind not in ("parking", "public_toilet") and random.random() < 0.75
                    else None,
                    "x": host.shape.centroid.x + random.uniform(-8, 8),
                    "y": host.shape.centroid.y + random.uniform(-8, 8),
                }
            )
    return found


def _called(random: Any, kind: str, host: Building, brands: tuple[str, ...]) -> tuple[str, str | None]:
    if kind == "parking":
        return f"{host.street}{host.number}号停车场", None
    if kind == "public_toilet":
        return f"公共厕所({host.street}{host.number}号)", None
    if kind == "government":
        return f"青柳区{host.street}{random.choice(OFFICES)}", None
    if kind == "school" and random.random() < 0.6:
        return f"青柳区{host.street[:-1]}{random.choice(['小学', '中学', '实验小学'])}", None
    if brands and random.random() < 0.6:
        estate = host.name[:3] if host.name and host.use in ("slabs", "towers") else host.street
        return random.choice(brands), random.choice([host.street, host.street, estate])
    return random.choice(GIVEN) + random.choice(TRADES[kind].split()), None


def deliver(out: Path, buildings: list[Building], ledger: Ledger) -> None:
    """Write both providers: three in five places are in both."""
    random = rng("pois")
    first: list[Record] = []
    second: list[Record] = []
    for place in make_places(buildings):
        where = random.random()
        if where < 0.8:
            first.append(_first(random, place, len(first) + 1))
        if where >= 0.2 or where < 0.005:
            second.append(_second(random, place))
    random.shuffle(second)
    _spoil_first(Delivery(FIRST, "liuye", first, random, ledger), out)
    _spoil_second(Delivery(SECOND, "suiyuan", second, random, ledger), out)


def _point(random: Any, place: Record, metres: float) -> tuple[float, float]:
    at = lonlat(Point(place["x"] + random.gauss(0, metres), place["y"] + random.gauss(0, metres)), digits=9)
    return at.x, at.y


def _first(random: Any, place: Record, n: int) -> Record:
    branch = place["branch"]
    lon, lat = _point(random, place, 4.0)
    uid = f"LY{n:05d}"
    return {
        "uid": uid,
        "name": place["name"] + (f"({branch}店)" if branch else ""),
        "type": KINDS[place["kind"]][0],
        "tel": place["phone"] if random.random() < 0.9 else None,
        "address": f"青柳区{place['street']}{place['number']}号" if random.random() < 0.95 else None,
        "lon": f"{lon:.6f}",
        "lat": f"{lat:.6f}",
        "status": "暂停营业" if random.random() < 0.02 else "营业中",
        "update_time": f"2024-0{random.randint(1, 4)}-{random.randint(1, 28):02d}T12:00:00+08:00",
        "geometry": None,
        "_entities": (place["key"],),
        "_id": uid,
    }


def _second(random: Any, place: Record) -> Record:
    branch, name = place["branch"], place["name"]
    if branch:
        tail = random.choice([f"（{branch}店）", f"（{branch}）", f"·{branch}店", f" {branch}店", f"（{branch}店）"])
        name += tail if random.random() < 0.92 else ""
    elif random.random() < 0.12:
        name = name.replace("青柳区", "") if name.startswith("青柳区") else f"{name}（{place['street']}）"
    if random.random() < 0.03:
        name = name.replace("便利店", "超市便利").replace("大药房", "药房").replace("理发店", "美发店")
    lon, lat = gcj02(*_point(random, place, 7.0))
    number = f"{random.randint(10**9, 10**10 - 1)}"
    address = f"{place['street']}{place['number']}号" + random.choice(["", "", "一层", "底商", "旁"])
    phone = place["phone"]
    if phone and random.random() < 0.25:
        phone = f"0471-0{random.randint(100000, 999999)}"  # a second line, or an old one
    return {
        "编号": number,
        "名称": name,
        "分类": KINDS[place["kind"]][1],
        "电话": phone.replace("-", " ") if phone and random.random() < 0.5 else phone,
        "地址": address if random.random() < 0.85 else None,
        "经度": f"{lon:.6f}",
        "纬度": f"{lat:.6f}",
        "更新时间": f"202{random.randint(2, 3)}-{random.randint(1, 12):02d}-{random.randint(1, 28):02d}T00:00:00Z",
        "geometry": None,
        "_entities": (place["key"],),
        "_id": f"sy:{number}",
    }


def _spoil_first(delivery: Delivery, out: Path) -> None:
    delivery.spoil("required", "type", [None] * 3, "no category")
    delivery.spoil(
        "codelist", "type", ["餐饮服务;未知", "其他", "室内设施"], "a category that the crosswalk does not know"
    )
    delivery.spoil("pattern", "tel", ["无", "0471-", "电话见店内"], "not a phone number")
    delivery.spoil("enum", "status", ["装修", "倒闭?"], "a status that is not in the list")
    delivery.spoil("format", "update_time", ["2024-3-5", "昨天"], "not a date and time")
    delivery.spoil("maxLength", "name", ["好店" * 101] * 2, "a slogan of 202 characters in the place of a name")
    _without_place(delivery, "lon", "lat", 2)
    delivery.twice("uid", 3)
    delivery.tell("facility_poi", "uid")
    write_csv(out / FIRST, delivery.rows(), encoding="utf-8-sig")


def _spoil_second(delivery: Delivery, out: Path) -> None:
    delivery.spoil("required", "分类", [None] * 2, "no category")
    delivery.spoil("required", "更新时间", [None] * 2, "nobody knows since when")
    delivery.spoil("codelist", "分类", ["美食/外星菜", "待定"], "a category that the crosswalk does not know")
    delivery.spoil("pattern", "电话", ["110转1", "手机同微信"], "not a phone number")
    delivery.spoil("format", "更新时间", ["2023-02-29T00:00:00Z", "去年"], "not a date and time")
    _without_place(delivery, "经度", "纬度", 2)
    delivery.twice("编号", 2)
    delivery.tell("facility_poi", "编号")
    write_csv(out / SECOND, delivery.rows(), encoding="gb18030", newline="\r\n")


def _without_place(delivery: Delivery, x: str, y: str, times: int) -> None:
    for _ in range(times):
        row = delivery.pick()
        delivery.records[row] |= {x: None, y: None}
        delivery.note(row, "geometry", "geometry.missing", "without coordinates")
