"""What findings say about completeness and statistics, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

#: Code -> (English, Chinese).
STATISTICS: Mapping[str, tuple[str, str]] = {
    "expectation": (
        "{label} is {value}: {share} of the records are not as expected ({expected}).",
        "{label}为 {value}：{share} 的记录不符合预期（{expected}）。",
    ),
    "expectation.null": (
        "{label} is empty: {share} of the records have none ({expected}).",
        "{label}为空：{share} 的记录缺少该值（{expected}）。",
    ),
    "expectation.whole": ("{what} is {value}; expected: {expected}.", "{what}为 {value}，预期：{expected}。"),
    # what is measured
    "what.rows": ("The number of records of '{label}'", "图层“{label}”的记录数"),
    "what.max": ("The greatest value of {label}", "{label}的最大值"),
    "what.min": ("The least value of {label}", "{label}的最小值"),
    "what.mean": ("The mean of {label}", "{label}的平均值"),
    "what.median": ("The median of {label}", "{label}的中位数"),
    "what.sum": ("The sum of {label}", "{label}的总和"),
    "what.stdev": ("The standard deviation of {label}", "{label}的标准差"),
    "what.unique_value_count": ("The number of different values of {label}", "{label}不同取值的个数"),
    "what.proportion_of_unique_values": ("The share of unique values of {label}", "{label}唯一值的比例"),
    "what.kl_divergence": ("The divergence of {label} from its distribution before", "{label}的分布与此前分布的差异"),
    "what.other": ("{label} ({type})", "{label}（{type}）"),
    # what is expected
    "expected.between": ("{low} to {high}", "{low} 至 {high}"),
    "expected.least": ("at least {low}", "不小于 {low}"),
    "expected.most": ("at most {high}", "不大于 {high}"),
    "expected.share": ("at least {share} must be", "至少 {share} 应符合"),
    "expected.all": ("all must be", "全部应符合"),
    "expected.one_of": ("one of {values}", "{values} 之一"),
}
