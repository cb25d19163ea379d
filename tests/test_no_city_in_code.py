"""No city is left in the code: a study's words, lists and figures come from its files."""

from __future__ import annotations

import re
import zlib
from base64 import b64decode
from pathlib import Path

import pandas as pd
import pyogrio
import pytest

WORDS = (
    *("上海", "shanghai", "闵行", "minhang", "张江", "zhangjiang", "浦东", "pudong", "临港"),
    *("莘庄", "xinzhuang", "虹桥", "hongqiao", "1+5+X", "智造", "三级", "优质学校"),
    *("quality school", "policy_76", "宁波", "ningbo"),
    # Of hospitals: roads have a class of this name too.
    *("tertiary hosp", "tertiary_all", "tertiary_3", "tertiary_min"),
)
NAMED = re.compile("|".join(map(re.escape, WORDS)), re.IGNORECASE)
# What stays, with its reason.
ALLOWED = {
    # The header that the template of parcels had; files made with it are still read.
    "sources/parcel_fields.yml": "上海用地性质",
}


def test_the_code_names_no_city(project: Path) -> None:
    found = []
    for path in sorted((project / "pipeline").rglob("*")):
        if path.suffix not in {".py", ".yml", ".js", ".css", ".html", ".j2"}:
            continue
        name = path.relative_to(project / "pipeline").as_posix()
        if "vendor" in name or name.startswith("_shipped"):
            continue
        allowed = ALLOWED.get(name, r"(?!)")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            left = re.sub(allowed, "", line)
            found += [f"{name}:{number}: {left.strip()[:100]}"] if NAMED.search(left) else []
    assert found == []


@pytest.mark.shared
def test_another_city_shows_nothing_of_the_first(porto_alegre: Path) -> None:
    """Report, maps, tables, layers and rasters of Porto Alegre, unpacked as a reader sees them."""
    outputs = porto_alegre / "outputs" / "porto_alegre"
    layers = porto_alegre / "layers" / "built" / "porto_alegre"
    found: dict[str, set[str]] = {}
    for root in (outputs, layers):
        for path in sorted(root.rglob("*")):
            if path.is_file() and not {".snakemake", "logs"} & set(path.parts):
                words = set(NAMED.findall(_text_of(path)))
                if words and path.name not in NOT_SHOWN:
                    found[path.relative_to(porto_alegre).as_posix()] = words
    assert found == {}


# Records of the run, which name the rule set and every setting by its address.
NOT_SHOWN = {"study.json", "manifest.json"}
PACKED = re.compile(r"<script[^>]*octet-stream[^>]*>([^<]+)</script>")


def _text_of(path: Path) -> str:
    """Give all text in a file: cells of tables, what pages unpack, tags of rasters."""
    if path.suffix == ".parquet":
        table = pd.read_parquet(path)
        return " ".join([*map(str, table.columns), *_cells(table)])
    if path.suffix == ".gpkg":
        return " ".join(
            f"{name} " + " ".join(_cells(pyogrio.read_dataframe(path, layer=name)))
            for name, _ in pyogrio.list_layers(path)
        )
    content = path.read_bytes()
    if path.suffix == ".html":
        page = content.decode("utf-8")
        packed = (zlib.decompress(b64decode(part)).decode() for part in PACKED.findall(page))
        return page + "".join(packed)
    return content.decode("utf-8", errors="ignore")


def _cells(table: pd.DataFrame) -> list[str]:
    words = table.select_dtypes(include=["object", "string", "str"])
    return [str(cell) for name in words for cell in words[name].dropna().map(str).unique()]
