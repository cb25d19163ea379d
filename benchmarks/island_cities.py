"""Write what the island stage found in built studies into docs/island.md.

python -m benchmarks.island_cities WORKSPACE/STUDY ...    such as . /shanghai for ./shanghai
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from benchmarks.timing import ROOT
from pipeline.atomic import atomic_write
from pipeline.study import restore_study
from pipeline.workspace import Workspace

PAGE = ROOT / "docs" / "island.md"
MARKS = ("<!-- cities -->", "<!-- /cities -->")
HEAD = (
    "研究 study", "有范围的地点 footprints", "检验：反差 contrast tested",
    "检验：隔离 separation tested", "合并 p：反差 pooled p, contrast",
    "合并 p：隔离 pooled p, separation", "校正后显著 significant after correction",
    "对照工业地块 donors", "园门 gates",
)  # fmt: skip


def row(workspace: Workspace, label: str) -> str:
    """Count what one built study's island tables hold."""
    read = {
        name: pd.read_parquet(workspace.output("island", f"{name}.parquet"))
        for name in ("island", "ranks", "pooled", "donors", "gates")
    }
    settings = restore_study(workspace.plan).island
    footprints = read["island"].loc[read["island"]["reason"].ne("no_footprint"), "place_id"]
    ranked = read["ranks"].groupby("theme")["place_id"].nunique()
    p = read["pooled"].set_index("theme")["p"]
    gates = read["gates"][read["gates"]["status"].eq("ok")]
    opened = gates["order"].notna()
    cells = [
        label, str(footprints.nunique()),
        *(str(ranked.get(theme, 0)) for theme in ("contrast", "separation")),
        *(f"{p[theme]:.3f}" if theme in p else "–" for theme in ("contrast", "separation")),
        str(int(read["ranks"]["p_adjusted"].le(settings.alpha).sum())),
        str(int(read["donors"]["donors"].max())), str(int(opened.sum())),
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Count the studies named and put the table into the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.island_cities", description=__doc__)
    parser.add_argument("studies", nargs="+", help="LABEL=WORKSPACE/STUDY")
    rows = []
    for given in parser.parse_args().studies:
        label, _, where = given.partition("=")
        rows.append(row(Workspace(root=Path(where).parent, study=Path(where).name), label))
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    table = [f"| {' | '.join(HEAD)} |", f"|{'---|' * len(HEAD)}", *rows]
    atomic_write(PAGE, "\n".join([before + MARKS[0], *table, MARKS[1] + after]))


if __name__ == "__main__":
    main()
