"""Fold the ways in which people write the same Chinese place name."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_BRACKETS = re.compile(r"[(（\[【〔<《「][^)）\]】〕>》」]*[)）\]】〕>》」]")
_NOISE = re.compile(r"[\s·•・.。,，、:：;；\-—–_/\\|'\"“”‘’&＆+]+")
# A city in front of a formal name, told by 市; what else a city is called the study says.
_CITY = re.compile(r"^(?:中国)?(?!.{0,2}[城都超]市)[^市]{2,3}市(?=.{3,})")
_CAMPUS = re.compile(
    r"(?:总院|本部|总部|[东南西北中新老主](?:校区|院区|校|院部|院)|"
    r"[^院学校园心]{0,4}(?:校区|院区|分院|分校|分部))$"
)
_INSTITUTION = re.compile(r"(?:医院|中学|小学|学校|大学|学院|幼儿园|保健院|防治院|中心)$")
_STATION = re.compile(r"(?:地铁|轨道交通|轻轨)?站$")


@lru_cache(maxsize=1 << 16)
def fold_name(name: str | None) -> str:
    """Fold width, case, punctuation and bracketed remarks; the letters that are left compare.

    Returns
    -------
    folded
        Empty for a missing name.
    """
    if not isinstance(name, str):
        return ""
    text = unicodedata.normalize("NFKC", name).casefold()
    bare = _NOISE.sub("", _BRACKETS.sub("", text))
    return bare or _NOISE.sub("", text)


@lru_cache(maxsize=1 << 16)
def core_name(name: str | None) -> str:
    """Fold a name and take off the city in front and the campus behind.

    What is left names the institution: 北京市某大学附属第一医院（西院区） becomes
    某大学附属第一医院. A name that is nothing else than such words stays whole.
    """
    folded = fold_name(name)
    core = _CITY.sub("", folded)
    shorter = _CAMPUS.sub("", core)
    return shorter if len(shorter) >= 2 else core or folded  # noqa: PLR2004


def station_name(name: str | None) -> str:
    """Fold a station's name and take off 站 and the mode's name behind it."""
    folded = fold_name(name)
    return _STATION.sub("", folded) or folded


@lru_cache(maxsize=1 << 16)
def campus_words(name: str | None) -> str:
    """Give what `core_name` takes off behind or in brackets: what tells two campuses apart."""
    if not isinstance(name, str):
        return ""
    text = unicodedata.normalize("NFKC", name).casefold()
    inner = "".join(part[1:-1] for part in _BRACKETS.findall(text))
    match = _CAMPUS.search(_CITY.sub("", fold_name(name)))
    return inner + (match[0] if match else "")


@lru_cache(maxsize=1 << 16)
def aliases(name: str | None) -> tuple[str, ...]:
    """Give the names that a name states: itself, and an institution that stands in brackets.

    某大学第二附属医院（长征医院） is also 长征医院; （徐汇院区） is no name.
    """
    if not isinstance(name, str) or not fold_name(name):
        return ()
    text = unicodedata.normalize("NFKC", name)
    inner = tuple(part[1:-1] for part in _BRACKETS.findall(text))
    return (name, *(part for part in inner if _INSTITUTION.search(part)))


def split_kind(folded: str) -> tuple[str, str]:
    """Split a folded name into what is its own and its kind (医院, 中学); either may be empty."""
    match = _INSTITUTION.search(folded)
    return (folded, "") if match is None else (folded[: match.start()], match[0])
