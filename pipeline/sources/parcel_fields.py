"""Know the parcel table: its fields, the names they go by, their units and code lists."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Literal

from pydantic import Field as Key
from ruamel.yaml import YAML

from pipeline.settings.base import Section
from pipeline.settings.parcel_rules import Text

Kind = Literal["text", "code", "number", "count", "date", "flag"]
Dimension = Literal["area", "floor", "money", "money_per_area", "share"]
CANONICAL_UNITS = {
    "area": "m2",
    "floor": "m2",
    "money": "wan_yuan",
    "money_per_area": "wan_yuan/ha",
    "share": "share",
}
M2_PER_HA = 10_000.0
DBF_NAME_BYTES = 10


class Code(Section):
    """One entry of a code list."""

    zh: str
    en: str
    aliases: tuple[str, ...] = ()


class Field(Section):
    """One field of the parcel table."""

    name: str
    zh: str
    en: str
    type: Kind
    required: bool = False
    dimension: Dimension | None = None
    unit_text: str | None = None
    codes: str | None = None
    min: float | None = None
    min_open: bool = False
    max: float | None = None
    aliases: tuple[str, ...] = ()
    alias_units: dict[str, str] = Key(default_factory=dict)
    true_words: tuple[str, ...] = ()
    false_words: tuple[str, ...] = ()


class Catalogue(Section):
    """The whole definition of the parcel table."""

    fields: tuple[Field, ...]
    codes: dict[str, dict[str, Code]]
    open_codes: dict[str, str]
    unions: dict[str, tuple[str, ...]]
    units: dict[str, dict[str, float]]
    same_units: dict[str, str]
    default_units: dict[str, str]
    null_words: tuple[str, ...]
    true_words: tuple[str, ...]
    false_words: tuple[str, ...]
    instructions: tuple[Text, ...]

    def field(self, name: str) -> Field:
        """Return the field called `name`; raise KeyError when there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)

    def code_list(self, name: str) -> dict[str, Code]:
        """Return a code list, or the union of several."""
        parts = self.unions.get(name, (name,))
        return {code: entry for part in parts for code, entry in self.codes[part].items()}

    def code_patterns(self, name: str) -> tuple[re.Pattern[str], ...]:
        """Return the patterns of codes that are accepted beyond the list."""
        parts = self.unions.get(name, (name,))
        return tuple(re.compile(self.open_codes[p]) for p in parts if p in self.open_codes)

    def factor(self, dimension: str, unit: str) -> float | None:
        """Return what a value in `unit` is multiplied by, or None for an unknown unit."""
        if dimension == "money_per_area":
            money, _, area = unit.partition("/")
            up, down = self.factor("money", money), self.factor("area", area)
            return None if up is None or down is None else up * M2_PER_HA / down
        table = self.units.get(self.same_units.get(dimension, dimension), {})
        return {plain(name): value for name, value in table.items()}.get(plain(unit))


@cache
def catalogue() -> Catalogue:
    """Read the definition that ships with the package."""
    text = resources.files("pipeline.sources").joinpath("parcel_fields.yml").read_text("utf-8")
    return Catalogue.model_validate(YAML(typ="safe").load(text))


def plain(text: str) -> str:
    """Fold full width, case and white space, so that names compare as people read them."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).casefold()


class Match(Section):
    """Which field a column was taken for, and the unit its header declares."""

    column: str
    field: str
    unit: str | None = None
    how: Literal["name", "alias", "truncated", "declared"]


def split_header(header: str) -> tuple[list[str], str | None]:
    """Split a header into the names it offers and the unit it declares.

    "用地面积（亩）" offers one name and mu; a second line or a part after "|" is another name. A
    DBF file may have cut the name behind the opening bracket.
    """
    text = unicodedata.normalize("NFKC", header)
    unit = None
    found = re.search(r"[(\[]([^()\[\]]*)([)\]]|$)", text)
    if found is not None:
        unit = found.group(1).strip() or None
    bare = re.sub(r"[(\[][^()\[\]]*([)\]]|$)", "", text).replace("*", "")
    names = [part.strip() for part in re.split(r"[\n|]", bare) if part.strip()]
    return [*names, text.strip()], unit


def match_columns(
    columns: Iterable[str], *, declared: Mapping[str, str] | None = None
) -> tuple[list[Match], list[str]]:
    """Recognise the columns of a user's table.

    A column is taken by its declared name, its canonical name, an alias, or, for names that a DBF
    file cut at ten bytes (in UTF-8 or GBK), by the one field name that begins so.

    Returns
    -------
    The matches in the order of the columns (a field may be matched twice: that is for the caller
    to report) and the columns nobody knows.
    """
    names, truncated = _name_table()
    matches, strangers = [], []
    for column in columns:
        match = _match_one(str(column), names, truncated, declared or {})
        if match is None:
            strangers.append(str(column))
        else:
            matches.append(match)
    return matches, strangers


def _match_one(
    column: str,
    names: Mapping[str, tuple[Field, str]],
    truncated: Mapping[str, set[str]],
    declared: Mapping[str, str],
) -> Match | None:
    offers, unit = split_header(column)
    if column in declared:
        return Match(column=column, field=declared[column], unit=unit, how="declared")
    for offer in offers:
        if plain(offer) in names:
            field, name = names[plain(offer)]
            implied = {plain(k): v for k, v in field.alias_units.items()}.get(plain(name))
            how: Literal["name", "alias"] = "name" if name == field.name else "alias"
            return Match(column=column, field=field.name, unit=unit or implied, how=how)
    for offer in offers:
        candidates = truncated.get(plain(offer), set())
        if len(candidates) == 1:
            name = next(iter(candidates))
            implied_unit = catalogue().field(name).alias_units.get(name)
            ascii_name = name.startswith(offer)
            unit = unit or (implied_unit if ascii_name else None)
            return Match(column=column, field=name, unit=unit, how="truncated")
    return None


@cache
def _name_table() -> tuple[dict[str, tuple[Field, str]], dict[str, set[str]]]:
    names: dict[str, tuple[Field, str]] = {}
    truncated: dict[str, set[str]] = {}
    for field in catalogue().fields:
        for name in (field.name, field.zh, field.en, *field.aliases):
            names.setdefault(plain(name), (field, name))
            for encoding in ("utf-8", "gb18030"):
                raw = name.encode(encoding)
                if len(raw) > DBF_NAME_BYTES:
                    short = raw[:DBF_NAME_BYTES].decode(encoding, errors="ignore")
                    truncated.setdefault(plain(short), set()).add(field.name)
    return names, truncated
