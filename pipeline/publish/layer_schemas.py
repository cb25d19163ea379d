"""Read the schemas of the published layers and hold frames to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import LayerError, Problem

#: The code lists stand in the first file; a layer may stand in either.
SCHEMAS = tuple(
    Path(__file__).with_name(name) for name in ("layer_schemas.yml", "analysis_schemas.yml")
)

ColumnType = Literal["text", "int", "float", "bool", "date"]
Kind = Literal["point", "line", "polygon", "table"]
KINDS = ("point", "line", "polygon", "table")
TYPES = ("text", "int", "float", "bool", "date")


@dataclass(frozen=True)
class Domain:
    """A list of codes with their labels in both languages.

    A closed list is the project's: no other code is valid. One that is `of_study` is what the codes
    are called where the study file does not name them; a city may use others.
    """

    name: str
    labels: Mapping[str, tuple[str, str]]
    of_study: bool = False


@dataclass(frozen=True)
class Column:
    """One column: its type, what it may hold, and what it means."""

    name: str
    type: ColumnType
    zh: str
    en: str
    nullable: bool = False
    unit: str | None = None
    domain: Domain | None = None
    min: float | None = None
    max: float | None = None

    @property
    def alias(self) -> str:
        """Name people read, in both languages, with the unit."""
        unit = "" if self.unit is None else f" [{self.unit}]"
        return f"{self.zh} / {self.en}{unit}"


@dataclass(frozen=True)
class LayerSchema:
    """One published layer: geometry, key, columns and texts."""

    name: str
    version: str
    kind: Kind
    group: str
    key: tuple[str, ...]
    zh: str
    en: str
    about: tuple[str, str]
    method: tuple[str, str]
    limits: tuple[str, str]
    columns: tuple[Column, ...]

    @property
    def spatial(self) -> bool:
        """Whether the layer has a geometry."""
        return self.kind != "table"

    def column(self, name: str) -> Column:
        """Give a column by name."""
        return next(column for column in self.columns if column.name == name)


@cache
def layer_schemas(paths: tuple[Path, ...] = SCHEMAS) -> dict[str, LayerSchema]:
    """Read all schemas, in the order of the files.

    Raises
    ------
    LayerError
        When a schema names an unknown type, kind or domain, or a key it has no column for.
    """
    from ruamel.yaml import YAML

    read = [YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")) for path in paths]
    own = {name for found in read for name in found.get("study_domains", ())}
    domains = {
        name: Domain(
            name,
            {str(code): (label[0], label[1]) for code, label in labels.items()},
            of_study=name in own,
        )
        for found in read
        for name, labels in found.get("domains", {}).items()
    }
    schemas: dict[str, LayerSchema] = {}
    problems: list[Problem] = []
    for path, found in zip(paths, read, strict=True):
        for name, layer in found["layers"].items():
            schemas[name] = _schema(name, layer, domains)
            problems.extend(_flaws(schemas[name], path))
    if problems:
        raise LayerError(*problems)
    return schemas


def _schema(name: str, found: Mapping[str, Any], domains: Mapping[str, Domain]) -> LayerSchema:
    columns = [
        Column(
            name=column,
            **{key: value for key, value in told.items() if key != "domain"},
            domain=domains[told["domain"]] if "domain" in told else None,
        )
        for column, told in _expanded(found)
    ]
    return LayerSchema(
        name=name,
        version=str(found["version"]),
        kind=found["kind"],
        group=found["group"],
        key=tuple(found["key"]),
        zh=found["zh"],
        en=found["en"],
        about=(found["about_zh"], found["about_en"]),
        method=(found["method_zh"], found["method_en"]),
        limits=(found["limits_zh"], found["limits_en"]),
        columns=tuple(columns),
    )


def _expanded(found: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the columns, those of `each` once for every name."""
    yield from ((name, dict(told)) for name, told in found["columns"].items())
    each = found.get("each", {"names": {}})
    for name, (zh, en) in each["names"].items():
        for column, told in each["columns"].items():
            texts = {
                key: value.format(zh=zh, en=en) if key in {"zh", "en"} else value
                for key, value in told.items()
            }
            yield column.format(name=name), texts


def _flaws(schema: LayerSchema, path: Path) -> Iterator[Problem]:
    names = [column.name for column in schema.columns]
    wrong = [column.name for column in schema.columns if column.type not in TYPES]
    wrong += [name for name in schema.key if name not in names]
    wrong += [name for name in set(names) if names.count(name) > 1]
    if schema.kind not in KINDS:
        wrong.append(schema.kind)
    for name in wrong:
        yield Problem(
            zh=f"图层模式有误：{name}",
            en=f"the layer schema is wrong about {name!r}",
            path=path,
            row=schema.name,
            rule="layer_schemas",
        )


def structure(schema: LayerSchema) -> dict[str, Any]:
    """Give what users of a layer depend on: geometry, key, and each column but its wording.

    Two versions of a schema that differ here are different schemas.
    """
    return {
        "kind": schema.kind,
        "key": list(schema.key),
        "columns": {
            column.name: {
                "type": column.type,
                "nullable": column.nullable,
                "unit": column.unit,
                "codes": _promised(column.domain),
                "min": column.min,
                "max": column.max,
            }
            for column in schema.columns
        },
    }


def _promised(domain: Domain | None) -> list[str] | None:
    """Give the codes that hold for every study; None where a study has its own."""
    return None if domain is None or domain.of_study else sorted(domain.labels)


def required_bump(
    old: Mapping[str, Any], new: Mapping[str, Any]
) -> Literal["major", "minor"] | None:
    """Say which part of the version a change of structure must raise; None when nothing changed.

    Major: what worked may stop working: geometry or key changed, a column gone or of another type
    or unit, a column newly nullable, codes or bounds that were promised no longer hold. Minor:
    columns or codes added, promises made narrower.
    """
    if old == new:
        return None
    if (old["kind"], old["key"]) != (new["kind"], new["key"]):
        return "major"
    for name, before in old["columns"].items():
        after = new["columns"].get(name)
        if after is None or _breaks(before, after):
            return "major"
    return "minor"


def _breaks(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    if (before["type"], before["unit"]) != (after["type"], after["unit"]):
        return True
    if after["nullable"] and not before["nullable"]:
        return True
    wider_low = before["min"] is not None and (after["min"] is None or after["min"] < before["min"])
    wider_high = before["max"] is not None and (
        after["max"] is None or after["max"] > before["max"]
    )
    codes_opened = before["codes"] is not None and after["codes"] is None
    return wider_low or wider_high or codes_opened
