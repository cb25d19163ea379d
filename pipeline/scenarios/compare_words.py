"""Tell what differs between two runs, and why, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipeline.publish.map_glossary import GLOSSARY
from pipeline.scenarios.compare import NOT_THERE, Comparison

MOST_RESULTS = 40
CAUSES: Mapping[str, tuple[str, str]] = {
    "inputs": ("输入文件", "input file"),
    "settings": ("设置", "setting"),
    "libraries": ("程序库", "library"),
    "code": ("代码", "code"),
    "stage": ("阶段", "stage"),
}
FINDINGS: Mapping[str, tuple[str, str]] = {
    "gap": ("有缺口", "a gap"),
    "no_gap": ("无缺口", "no gap"),
    "robust": ("稳健", "robust"),
    "likely": ("较可能", "likely"),
    "not_testable": ("不能判定", "not testable"),
}


def told(found: Comparison, words: Mapping[str, tuple[str, str]]) -> list[str]:
    """Write the comparison as lines: first why, then what, then how much in all.

    Parameters
    ----------
    found
        What differs.
    words
        The study's own names of codes.
    """
    places, files = len(found.places), int(found.files["state"].eq("differs").sum())
    return [
        "为什么不同 / why they differ",
        *_causes(found.causes),
        "哪些结果不同 / which results differ",
        *_results(found.places, {**GLOSSARY, **words}),
        f"共 {places} 个结果、{files} 个文件不同 / {places} results and {files} files differ",
    ]


def _causes(causes: pd.DataFrame) -> list[str]:
    """Give one line for each cause; the stages it concerns stand behind it."""
    if causes.empty:
        return [
            "  输入、设置、代码与程序库均相同 / inputs, settings, code and libraries are the same"
        ]
    lines = []
    for row in causes.itertuples():
        zh, en = CAUSES.get(str(row.cause), (str(row.cause), str(row.cause)))
        lines.append(f"  {zh} / {en}  {row.what}: {row.first} → {row.second}  [{row.stage}]")
    return lines


def _results(places: pd.DataFrame, words: Mapping[str, tuple[str, str]]) -> list[str]:
    """List the results that differ, changes of class first; many are cut and counted."""
    if places.empty:
        return ["  没有 / none"]
    crossed = ~places["change"].isin(["closed", "opened"])
    step = places["gap_after"].astype("float64") - places["gap_before"].astype("float64")
    order = places.assign(crossed=crossed, step=-step.abs().fillna(-1.0))
    ordered = order.sort_values(["crossed", "step", "place_id", "service"], kind="stable")
    lines = [_result(row, words) for row in ordered.head(MOST_RESULTS).itertuples()]
    left = len(places) - len(lines)
    if left > 0:
        lines.append(f"  … 另有 {left} 个，见 --out 的 places.csv / {left} more, see --out")
    return lines


def _result(row: Any, words: Mapping[str, tuple[str, str]]) -> str:  # noqa: ANN401 (a record)
    zh, en = words.get(str(row.service), (str(row.service), str(row.service)))
    unit = "" if row.service == "composite" or not isinstance(row.unit, str) else row.unit
    parts = [
        f"  {row.place_id} {row.name_zh} · {zh} / {en}:",
        _pair(_number(row.value_before), _number(row.value_after), unit),
        "" if row.service == "composite" else _gap(row),
        f"{row.change_zh} / {row.change_en}",
    ]
    for name in ("finding", "verdict", "method", "status"):
        before, after = getattr(row, f"{name}_before"), getattr(row, f"{name}_after")
        if _code(before) != _code(after):
            parts.append(_pair(_said(before, words), _said(after, words)))
    return "  ".join(part for part in parts if part)


def _gap(row: Any) -> str:  # noqa: ANN401 (a record)
    told = _pair(_number(row.gap_before), _number(row.gap_after))
    return told and f"缺口 gap {told}"


def _pair(before: str, after: str, unit: str = "") -> str:
    return "" if before == after else f"{before} → {after} {unit}".rstrip()


def _number(value: object) -> str:
    number = pd.to_numeric(pd.Series([value]), errors="coerce").iloc[0]
    return NOT_THERE if pd.isna(number) else f"{number:.3g}"


def _code(value: object) -> str:
    return value if isinstance(value, str) else NOT_THERE


def _said(value: object, words: Mapping[str, tuple[str, str]]) -> str:
    code = _code(value)
    zh, en = FINDINGS.get(code, words.get(code, (code, code)))
    return code if zh == en else f"{zh} {en}"
