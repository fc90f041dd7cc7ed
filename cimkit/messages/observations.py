"""What findings say about series of observations, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

#: Code -> (English, Chinese).
OBSERVATIONS: Mapping[str, tuple[str, str]] = {
    "observation.gap": (
        "{series}: no observation for {gap}, from {start} to {stop}; there should be one every {every}.",
        "{series}：自 {start} 至 {stop} 有 {gap} 没有观测；应每 {every} 观测一次。",
    ),
    "observation.duplicate": (
        "{series}: another observation has the same time, {value}.",
        "{series}：另有一条观测的时间同为 {value}。",
    ),
    "observation.stuck": (
        "{series}: {label} is {value} {length} times in a row, from {start} to {stop}.",
        "{series}：{label}连续 {length} 次为 {value}，自 {start} 至 {stop}。",
    ),
    "observation.range": (
        "{series}: {label} is {value}, but must be {asked}.",
        "{series}：{label}为 {value}，应{asked}。",
    ),
    "observation.unit": (
        "{series}: {label} is {value}, but must be {asked}.",
        "{series}：{label}为 {value}，应为 {asked}。",
    ),
    "time.no_zone": (
        "{label} is {value}, which does not say its time zone.",
        "{label}为 {value}，没有说明时区。",
    ),
    "time.future": (
        "{label} is {value}, which is still to come.",
        "{label}为 {value}，是尚未到来的时间。",
    ),
}
