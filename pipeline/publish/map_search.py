"""Spell Chinese names in pinyin, so that a map can be searched on any keyboard."""

from __future__ import annotations

import functools
import re

import pandas as pd

LONGEST_NAME = 60


def sounds(names: pd.Series[str]) -> pd.Series[str]:
    """Give, on the caller's index, the full pinyin and the initials of each name.

    ``东湖`` becomes ``donghu dh``; a name without Chinese characters gives an empty text. Only
    the first 60 characters are spelt.
    """
    return names.map(lambda name: _sound(name) if isinstance(name, str) else "")


@functools.cache
def _sound(name: str) -> str:
    from pypinyin import lazy_pinyin

    characters = "".join(re.findall(r"[\u3400-\u9fff]", name[:LONGEST_NAME]))
    if not characters:
        return ""
    spelt = lazy_pinyin(characters)
    # A character that nobody spells stays as it is, in one piece with others like it.
    initials = "".join(one[0] if one.isascii() else one for one in spelt)
    return f"{''.join(spelt)} {initials}"
