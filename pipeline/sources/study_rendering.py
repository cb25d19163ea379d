"""Generate the settings reference, the JSON schema and commented study files from the models."""

from __future__ import annotations

import json
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pipeline.study import Study

# A table that would make a longer line stands on a line for each entry.
LONGEST = 100

HEADER = """# 设置 / Settings

由 `parkgap docs` 从设置模型生成，请勿手改。
Generated from the settings models by `parkgap docs`; do not edit by hand.

一项研究是一个 YAML 文件；每个数可以写单位，单位不同即拒绝，绝不换算。
A study is one YAML file. A number may carry its unit; another unit is refused, never converted.

一次运行可改动任一设置，列表中的一项以方括号指明：
One run may change any of them, an entry of a list is named in brackets:
`parkgap run --set gaps.cap=2 --set 'gaps.needs[service=rail].threshold=15'`.
"""


def render_settings() -> str:
    """Render the settings reference as Markdown, one table for each section."""
    parts = [HEADER]
    for name, field in Study.model_fields.items():
        extra = _extra(field)
        parts.append(f"## `{name}`\n\n{extra['zh']} / {extra['en']}\n")
        model = _model_of(field)
        if model is None:
            parts.append(_table([(name, field)]))
            continue
        parts.append(_table(list(_leaves(model, name))))
    return "\n".join(parts)


def render_schema() -> str:
    """Render the JSON schema of a study file."""
    schema = Study.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def render_study(study: Study) -> str:
    """Render a study as YAML in which every key is present and explained."""
    lines = ["# yaml-language-server: $schema=../docs/study.schema.json"]
    lines += _yaml_section(Study, study.model_dump(mode="json"), 0)
    return "\n".join(lines) + "\n"


def _yaml_section(model: type[BaseModel], values: dict[str, Any], depth: int) -> list[str]:
    pad = "  " * depth
    lines: list[str] = []
    for name, field in model.model_fields.items():
        extra, value, inner = _extra(field), values.get(name), _section_of(field)
        unit = f" [{extra['unit']}]" if "unit" in extra else ""
        if depth == 0:
            lines.append("")
        lines.append(f"{pad}# {extra['zh']} / {extra['en']}{unit}")
        if inner is not None and isinstance(value, dict):
            lines.append(f"{pad}{name}:")
            lines += _yaml_section(inner, value, depth + 1)
        elif isinstance(value, dict) and len(_scalar(value)) > LONGEST:
            lines.append(f"{pad}{name}:")
            lines += [f"{pad}  {_scalar(key)}: {_scalar(item)}" for key, item in value.items()]
        else:
            lines.append(f"{pad}{name}: {_scalar(value)}")
    return lines


def _scalar(value: Any) -> str:  # noqa: ANN401
    """Write a value as flow YAML, which JSON is; plain words stay unquoted where that is safe."""
    return json.dumps(value, ensure_ascii=False)


def _leaves(model: type[BaseModel], prefix: str) -> list[tuple[str, FieldInfo]]:
    found: list[tuple[str, FieldInfo]] = []
    for name, field in model.model_fields.items():
        inner = _model_of(field)
        if inner is None:
            found.append((f"{prefix}.{name}", field))
        else:
            found += _leaves(inner, f"{prefix}.{name}")
    return found


def _table(rows: list[tuple[str, FieldInfo]]) -> str:
    lines = [
        "| 键 / key | 默认 / default | 单位 / unit | 含义 / meaning | 出处 / source |",
        "|---|---|---|---|---|",
    ]
    for name, field in rows:
        extra = _extra(field)
        default = "**必填 / required**" if field.is_required() else f"`{_default(field)}`"
        cells = (
            f"`{name}`",
            default,
            str(extra.get("unit", "")),
            f"{extra['zh']} / {extra['en']}{_limits(field)}",
            str(extra.get("source", "")),
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return value.model_dump_json()
    return json.dumps(value, ensure_ascii=False, default=str)


def _limits(field: FieldInfo) -> str:
    """Say the bounds and the allowed words of a setting."""
    choices = [arg for arg in get_args(field.annotation) if isinstance(arg, str)]
    for arg in get_args(field.annotation):
        choices += [item for item in get_args(arg) if isinstance(item, str)]
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    bounds = [
        f"{sign} {getattr(rule, name)}"
        for rule in field.metadata
        for name, sign in signs.items()
        if getattr(rule, name, None) is not None
    ]
    said = [", ".join(f"`{choice}`" for choice in choices)] if choices else []
    said += [", ".join(bounds)] if bounds else []
    return f" ({'; '.join(said)})" if said else ""


def _extra(field: FieldInfo) -> dict[str, Any]:
    extra = field.json_schema_extra
    if not isinstance(extra, dict):
        msg = f"a setting without zh and en: {field}"
        raise TypeError(msg)
    return dict(extra)


def _section_of(field: FieldInfo) -> type[BaseModel] | None:
    """Give the model of a field that holds one section, not a list or table of them."""
    return None if get_origin(field.annotation) in {dict, list, tuple} else _model_of(field)


def _model_of(field: FieldInfo) -> type[BaseModel] | None:
    for part in (field.annotation, *get_args(field.annotation)):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None
