"""Tell what kind of table a file looks like, and which column holds which field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import Any

from ruamel.yaml import YAML

from pipeline.settings.base import Section
from pipeline.sources.parcel_fields import catalogue, match_columns, plain, split_header

PARCELS = "parcels"
# Fields of parcels that every kind of table may have; the others speak for parcels.
_COMMON_TO_ALL = {"name_zh", "name_en", "district_zh", "address", "park_id", "note", "jobs"}
# A table is of a kind when so many of its columns speak for it.
_ENOUGH = {PARCELS: 2}
# Roles whose tables look like those of another.
_OF_KIND = {"workers": "residents", "planned_stations": "line_stations"}


class FieldNames(Section):
    """A field: what it is called, what people call it, and whether it speaks for its kind."""

    zh: str
    en: str
    names: tuple[str, ...]
    tells: bool = False


class Kind(Section):
    """A table that a study reads."""

    zh: str
    en: str
    setting: str
    required: tuple[str, ...]
    fields: dict[str, FieldNames]


class Kinds(Section):
    """All of them, with the fields that any may have."""

    common: dict[str, FieldNames]
    kinds: dict[str, Kind]


@dataclass(frozen=True)
class Recognised:
    """One column and the field it was taken for; `unit` as its header declares."""

    column: str
    field: str
    zh: str
    en: str
    unit: str | None = None


@dataclass(frozen=True)
class TableGuess:
    """What a table looks like.

    `kind`, its names and `setting` are null where nothing speaks for any kind; `missing` are fields
    that the kind requires and no column gives.
    """

    kind: str | None
    zh: str | None
    en: str | None
    setting: str | None
    fields: tuple[Recognised, ...]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Give plain values."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Render for a person, Chinese first."""
        if self.kind is None:
            said = ["  表的类型 kind: 未能判断 / not recognised"]
        else:
            said = [f"  表的类型 kind: {self.zh} / {self.en} ({self.setting})"]
        for found in self.fields:
            unit = "" if found.unit is None else f" [{found.unit}]"
            said.append(f"    {found.column} -> {found.field}{unit}: {found.zh} / {found.en}")
        if self.unknown:
            said.append(f"    未识别的字段 / not recognised: {', '.join(self.unknown)}")
        if self.missing:
            said.append(f"    缺少的必填字段 / required and absent: {', '.join(self.missing)}")
        return said


@cache
def table_kinds() -> Kinds:
    """Read the definition that ships with the package."""
    text = resources.files("pipeline.sources").joinpath("table_kinds.yml").read_text("utf-8")
    return Kinds.model_validate(YAML(typ="safe", pure=True).load(text))


def guess_table(columns: Iterable[str]) -> TableGuess:
    """Tell by its columns what kind of table it is.

    The kind is the one for which most columns speak; a column speaks for a kind by a field that
    other tables do not have. With a draw, or nothing, no kind is told, and the columns that any
    table may have are still named.
    """
    names = [str(column) for column in columns if str(column) != "geometry"]
    guesses = [_as_parcels(names), *(_as(kind, names) for kind in table_kinds().kinds)]
    scored = sorted(guesses, key=lambda item: -item[0])
    best, next_best = scored[0], scored[1]
    if best[0] < _ENOUGH.get(best[1].kind or "", 1) or best[0] == next_best[0]:
        return _as(None, names)[1]
    return best[1]


def fields_of_role(role: str, columns: Iterable[str]) -> dict[str, str]:
    """Give the columns that are fields of a role by the names people give them: field -> column.

    A role whose table has no definition has the fields that any table may have.
    """
    kind = _OF_KIND.get(role, role)
    found = _as(kind if kind in table_kinds().kinds else None, list(columns))[1]
    return {item.field: item.column for item in found.fields}


def _as_parcels(columns: list[str]) -> tuple[int, TableGuess]:
    """Read the columns as those of parcels."""
    known = catalogue()
    matches, strangers = match_columns(columns)
    spec = {field.name: field for field in known.fields}
    found = tuple(
        Recognised(m.column, m.field, spec[m.field].zh, spec[m.field].en, m.unit) for m in matches
    )
    placed = _named(strangers, table_kinds().common)
    speaking = {m.field for m in matches} - _COMMON_TO_ALL
    taken = {item.column for item in placed}
    unknown = tuple(name for name in strangers if name not in taken)
    missing = tuple(name for name in ("parcel_id",) if name not in {m.field for m in matches})
    guess = TableGuess(
        PARCELS, "地块", "parcels", "inputs.parcels", (*found, *placed), unknown, missing
    )
    return len(speaking), guess


def _as(name: str | None, columns: list[str]) -> tuple[int, TableGuess]:
    """Read the columns as those of a kind, or of none."""
    known = table_kinds()
    kind = None if name is None else known.kinds[name]
    own = {} if kind is None else kind.fields
    found = _named(columns, own)
    taken, given = {item.column for item in found}, {item.field for item in found}
    common = {field: spec for field, spec in known.common.items() if field not in given}
    found += _named([column for column in columns if column not in taken], common)
    taken = {item.column for item in found}
    flags = [column for column in columns if column.startswith("v_") and column not in taken]
    if name in {"hospitals", "schools"}:
        found += [Recognised(column, column, "口径", "variant") for column in flags]
        taken |= set(flags)
    # A name that says what it names (学校名称) tells more than a field of another kind may.
    weights = {"name_zh": 2}
    telling = [item.field for item in found if item.field in own and own[item.field].tells]
    speaking = sum(weights.get(field, 1) for field in telling)
    required = () if kind is None else kind.required
    guess = TableGuess(
        name,
        None if kind is None else kind.zh,
        None if kind is None else kind.en,
        None if kind is None else kind.setting,
        tuple(found),
        tuple(column for column in columns if column not in taken),
        tuple(field for field in required if field not in {item.field for item in found}),
    )
    return speaking, guess


def _named(columns: Iterable[str], fields: Mapping[str, FieldNames]) -> list[Recognised]:
    """Name the columns by the fields: one with the field's own name before the first that fits."""
    by_name = {plain(name): field for field, spec in fields.items() for name in spec.names}
    found: dict[str, Recognised] = {}
    for column in columns:
        offers, unit = split_header(column)
        fits = (by_name[plain(offer)] for offer in offers if plain(offer) in by_name)
        field = next(fits, None)
        if field is not None and (field not in found or column == field):
            found[field] = Recognised(column, field, fields[field].zh, fields[field].en, unit)
    return list(found.values())
