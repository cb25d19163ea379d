"""Encodings: Chinese and western text told apart, also when fields cut characters in two."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.text_encoding import detect_encoding

CHINESE = "上海市徐汇区漕河泾新兴技术开发区，宜山路900号"
WESTERN = "São João, Praça da Conceição, Avenida Getúlio Vargas, Hôtel de Ville, Málaga"


@pytest.mark.parametrize(
    ("text", "encoding", "detected"),
    [
        (CHINESE, "utf-8", "utf-8"),
        (CHINESE, "utf-8-sig", "utf-8-sig"),
        (CHINESE, "utf-16", "utf-16"),
        (CHINESE, "gbk", "gb18030"),
        (CHINESE, "gb2312", "gb18030"),
        (WESTERN, "utf-8", "utf-8"),
        (WESTERN, "cp1252", "cp1252"),
        ("plain", "ascii", "ascii"),
        ("", "ascii", "ascii"),
    ],
)
def test_what_people_have(text: str, encoding: str, detected: str) -> None:
    assert detect_encoding(text.encode(encoding)) == detected


@pytest.mark.parametrize(("encoding", "detected"), [("gbk", "gb18030"), ("utf-8", "utf-8")])
def test_fields_that_cut_characters_in_two(encoding: str, detected: str) -> None:
    field = (CHINESE * 9).encode(encoding)[:253]
    assert detect_encoding(b" ".join([field] * 40)) == detected


@given(st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=4))
def test_chinese_text_in_utf8_is_never_taken_for_another(text: str) -> None:
    assert detect_encoding(text.encode()) == "utf-8"
