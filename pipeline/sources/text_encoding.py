"""Tell how the bytes of a text were encoded, among the encodings Chinese users have."""

from __future__ import annotations

import codecs
from typing import Literal

Encoding = Literal["ascii", "utf-8", "utf-8-sig", "utf-16", "gb18030", "cp1252"]

_BROKEN_SHARE = 0.02  # fixed-width fields cut characters in two; more is another encoding
_PAIRED_SHARE = 0.8


def detect_encoding(raw: bytes) -> Encoding:
    """Detect the encoding of a text or of fixed-width records.

    UTF-8 is tried first, for hardly any other text passes as such. Of the rest, Chinese text in GBK
    has its high bytes in pairs, while in western text they stand alone between letters.

    Parameters
    ----------
    raw
        The bytes, or a large sample of them.

    Returns
    -------
    encoding
        A name Python and GDAL know; "cp1252" where nothing better fits.
    """
    if raw.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    high = sum(byte >= 0x80 for byte in raw)  # noqa: PLR2004
    if not high:
        return "ascii"
    if broken_characters(raw, "utf-8") <= _BROKEN_SHARE * high:
        return "utf-8"
    if (
        broken_characters(raw, "gb18030") <= _BROKEN_SHARE * high
        and _paired(raw) >= _PAIRED_SHARE * high
    ):
        return "gb18030"
    return "cp1252"


def broken_characters(raw: bytes, encoding: str) -> int:
    """Count the characters that cannot be decoded."""
    return raw.decode(encoding, errors="replace").count("\ufffd")


def _paired(raw: bytes) -> int:
    """Count the high bytes that form pairs of GB 2312."""
    paired = i = 0
    while i < len(raw) - 1:
        if raw[i] >= 0xA1 and raw[i + 1] >= 0xA1:  # noqa: PLR2004
            paired += 2
            i += 2
        else:
            i += 1
    return paired
