"""Read names, storeys and heights from OpenStreetMap tags."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pipeline.sources.osm_mapping import Matcher

_HAN = re.compile(r"[\u3400-\u9fff]")
_LETTER = re.compile(r"[A-Za-z]")
_HEIGHT = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(m|米|公尺)?\s*$")
_NUMBER = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*$")
_as_json = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode


def names(tags: Mapping[str, str]) -> tuple[str | None, str | None, str | None]:
    """Give the local, the Chinese and the English name, each null when not mapped.

    The plain ``name`` stands in for the Chinese one when it holds Han characters, and for the
    English one when the object is named in ASCII letters only.
    """
    local = tags.get("name")
    chinese = tags.get("name:zh") or tags.get("name:zh-Hans")
    english = tags.get("name:en")
    if chinese is None and local and _HAN.search(local):
        chinese = local
    if english is None and local and local.isascii() and _LETTER.search(local):
        english = local
    return local or chinese or english, chinese, english


def levels(tags: Mapping[str, str]) -> float | None:
    """Give the storeys above ground, null unless they are one plain number."""
    match = _NUMBER.match(tags.get("building:levels", ""))
    return float(match[1]) if match else None


def height_m(tags: Mapping[str, str]) -> float | None:
    """Give the height in metres, null unless it is one number in metres."""
    match = _HEIGHT.match(tags.get("height", "") or tags.get("building:height", ""))
    return float(match[1]) if match else None


class Described(NamedTuple):
    """What the tags of an object say; `tags` are JSON."""

    status: str
    name: str | None
    name_zh: str | None
    name_en: str | None
    levels: float | None
    height_m: float | None
    tags: str

    @classmethod
    def of(cls, tags: Mapping[str, str], matcher: Matcher) -> Described:
        """Read tags."""
        said = matcher.status(tags), *names(tags), levels(tags), height_m(tags)
        return cls(*said, _as_json(tags))
