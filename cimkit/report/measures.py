"""The measures of ISO 19157-3 by which findings are counted: number, name, and the element of quality.

Numbers, names and elements are those of the register of ISO 19157-3 (draft of 2025); the
Chinese names are translations of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Measure(NamedTuple):
    """A measure's name in English and Chinese, and its quality element as ISO 19157-1 writes it."""

    en: str
    zh: str
    element: str


_OMISSION, _COMMISSION = "Omission", "Commission"
_CONCEPTUAL, _DOMAIN, _FORMAT = "ConceptualConsistency", "DomainConsistency", "FormatConsistency"
_TOPOLOGICAL, _VALIDITY = "TopologicalConsistency", "TemporalValidity"

MEASURES: Mapping[int, Measure] = {
    2: Measure("number of excess items", "多余项数量", _COMMISSION),
    4: Measure("number of duplicate feature instances", "重复要素数量", _COMMISSION),
    6: Measure("number of missing items", "缺失项数量", _OMISSION),
    10: Measure(
        "number of items not compliant with the rules of the conceptual schema", "不符合概念模式规则的项数", _CONCEPTUAL
    ),
    11: Measure("number of invalid overlaps of surfaces", "面的无效重叠数量", _CONCEPTUAL),
    16: Measure("number of items not in conformance with their value domain", "不符合值域的项数", _DOMAIN),
    19: Measure("number of physical structure conflicts", "物理结构冲突数量", _FORMAT),
    21: Measure("number of faulty point-curve connections", "点线连接错误数量", _TOPOLOGICAL),
    23: Measure("number of missing connections due to undershoot", "线未及造成的连接缺失数量", _TOPOLOGICAL),
    24: Measure("number of missing connections due to overshoots", "线过伸造成的连接缺失数量", _TOPOLOGICAL),
    25: Measure("number of invalid slivers", "无效碎面数量", _TOPOLOGICAL),
    26: Measure("number of invalid self-intersect errors", "无效自相交数量", _TOPOLOGICAL),
    27: Measure("number of invalid self-overlap errors", "无效自重叠数量", _TOPOLOGICAL),
    102: Measure("data product specification fail count", "不满足数据产品规范的项数", _CONCEPTUAL),
    159: Measure("chronological disorder", "时间顺序错误", _CONCEPTUAL),
    204: Measure("complete tessellation", "完全镶嵌", _TOPOLOGICAL),
    207: Measure("currentness", "现势性", _VALIDITY),
    210: Measure("rate of omission for temporal coverage", "时间覆盖缺失率", _OMISSION),
}
