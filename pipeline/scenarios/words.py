"""Say what a scenario changes, in sentences."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pipeline.scenarios.files import (
    AddHospital,
    AddSchool,
    Change,
    ChangeNeed,
    ChangeSetting,
    ExtendLine,
    OpenGate,
    OpenLine,
    Scenario,
)

Words = Mapping[str, tuple[str, str]]


def change_words(scenario: Scenario, words: Words) -> list[tuple[str, str]]:
    """Give one sentence for each change, Chinese and English; `words` name the services."""
    return [_words(change, words) for change in scenario.changes]


def _words(change: Change, words: Words) -> tuple[str, str]:
    if isinstance(change, OpenLine | ExtendLine):
        return _line_words(change)
    if isinstance(change, AddHospital):
        return (
            f"新设医院院区：{change.name_zh}（{change.grade}）",
            f"one more hospital campus: {change.name_en} ({change.grade})",
        )
    if isinstance(change, AddSchool):
        return f"新设学校：{change.name_zh}", f"one more school: {change.name_en}"
    if isinstance(change, OpenGate):
        return f"开放步行口：{change.name}", f"a way for pedestrians opens: {change.name}"
    return _setting_words(change, words)


def _line_words(change: OpenLine | ExtendLine) -> tuple[str, str]:
    line, count = change.line_id, len(change.stations)
    if isinstance(change, OpenLine):
        return f"新开线路 {line}，{count} 站", f"line {line} opens with {count} stations"
    return f"线路 {line} 延伸 {count} 站", f"line {line} goes on for {count} stations"


def _setting_words(change: ChangeNeed | ChangeSetting, words: Words) -> tuple[str, str]:
    if isinstance(change, ChangeNeed):
        zh, en = words.get(change.service, (change.service, change.service))
        to = f"{change.threshold:g}"
        return f"{zh}的门槛改为 {to}", f"the threshold of {en} becomes {to}"
    value = json.dumps(change.value, ensure_ascii=False)
    return (
        f"设置 {change.setting} 改为 {value}",
        f"the setting {change.setting} becomes {value}",
    )
