"""Score how alike two names of institutions are."""

from __future__ import annotations

import re
from collections.abc import Callable

from pipeline.sources.place_names import aliases, campus_words, core_name, fold_name, split_kind

_LETTERS_TO_CONTAIN = 4
_CONTAINED = 0.9  # one name is a part of the other
_SAME_CORE = 0.95  # one institution, campus words differ or stand on one side only


def name_likeness(left: str | None, right: str | None) -> float:
    """Score how alike two names are, from 0 to 1: the best pair of the names each one states."""
    pairs = ((a, b) for a in aliases(left) for b in aliases(right))
    return max((_likeness(a, b) for a, b in pairs), default=0.0)


def _likeness(left: str, right: str) -> float:
    """Score how alike two names are, from 0 to 1.

    Equal after folding: 1. One institution with other campus words: just under. Else the likeness
    of the letters of the institutions' names, whatever their order, or of one as a part of the
    other; two different campuses of one institution lose for the words that tell them apart.
    """
    a, b = fold_name(left), fold_name(right)
    if not a or not b:
        return 0.0
    if a == b and campus_words(left) == campus_words(right):
        return 1.0
    core_a, core_b = core_name(left), core_name(right)
    campus_a, campus_b = campus_words(left), campus_words(right)
    if core_a == core_b:
        return _SAME_CORE if not (campus_a and campus_b) else _SAME_CORE * _part(campus_a, campus_b)
    ratio = _letters(core_a, core_b)
    shorter, longer = sorted((core_a, core_b), key=len)
    if len(shorter) >= _LETTERS_TO_CONTAIN and shorter in longer:
        both = bool(campus_a and campus_b)
        return max(ratio, _CONTAINED * (_part(campus_a, campus_b) if both else 1.0))
    return ratio


def _letters(left: str, right: str) -> float:
    """Compare letters; when both are of one kind (医院, 小学) only what stands before it counts."""
    from rapidfuzz import fuzz

    stem_left, kind_left = split_kind(left)
    stem_right, kind_right = split_kind(right)
    if kind_left == kind_right:
        left, right = stem_left, stem_right
    return fuzz.ratio(left, right) / 100


def _part(left: str, right: str) -> float:
    """Score campus words: 1 when one holds the other, down to 0.6 when they share nothing."""
    from rapidfuzz import fuzz

    if left in right or right in left:
        return 1.0
    return 0.6 + 0.4 * fuzz.ratio(left, right) / 100


def without_city(words: tuple[str, ...]) -> Callable[[object], str | None]:
    """Take a city's name off the front of names, and of a name in brackets, unless little is left.

    With 大江: 大江中学 stays, 大江长海医院 becomes 长海医院.
    """
    if not words:
        return lambda name: name if isinstance(name, str) else None
    longest = sorted(map(re.escape, words), key=len, reverse=True)
    front = f"(^|[(（])(?:{'|'.join(longest)})(?=[^)）]{{3,}})"
    city = re.compile(front, re.IGNORECASE)
    return lambda name: city.sub(r"\1", name) if isinstance(name, str) else None
