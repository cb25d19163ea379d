"""Write `docs/reliability.md` from the records and the cases themselves.

`python -m tests.faults.report`; the test beside it fails when the document is out of step.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.atomic import atomic_write
from pipeline.stages.flow import STAGES
from tests.built import PROJECT
from tests.faults import kills, memory, repeats
from tests.faults.expected import all_cases, expected
from tests.faults.test_writing import CALLS, SHARES, WRITERS

DOCUMENT = PROJECT / "docs" / "reliability.md"
TEMPLATE = Path(__file__).with_name("reliability.template.md")
LIMIT_GIB = 4
LIMIT_MB = LIMIT_GIB * 2**30 / 1e6


def render() -> str:
    """Fill the template with what the records and the cases say."""
    return TEMPLATE.read_text(encoding="utf-8").format_map(
        {**_killed(), **_repeated(), **_bad_files(), **_memory()}
    )


def writer_kills() -> int:
    """Count the moments at which `test_writing.py` surely kills a writer."""
    return len(WRITERS) * (len(SHARES) + len(CALLS) - 1)


def _killed() -> dict[str, object]:
    told: list[dict[str, Any]] = json.loads(kills.RECORD.read_text(encoding="utf-8"))
    done: list[dict[str, Any]] = [kill for one in told for kill in one["stages"]]
    died = [kill for kill in done if kill["died"]]
    rows = [
        ["阶段 stage", "终止 killed", "旧文件全部保留 all old", "新文件已就位 new in place",
         "残缺 partial", "重跑相同 same bytes"],
        ["---"] * 6,
    ]  # fmt: skip
    for stage in STAGES:
        mine = [kill for kill in died if kill["stage"] == stage.name]
        old = sum(kill["new"] == 0 for kill in mine)
        partial = sum(kill["partial"] for kill in mine)
        same = sum(kill["identical_after_rerun"] for kill in mine)
        rows.append([stage.name, *map(str, (len(mine), old, len(mine) - old, partial, same))])
    return {
        "kills_studies": "；".join(f"{one['date']} {one['study']}" for one in told),
        "writers": len(WRITERS),
        "writer_kills": writer_kills(),
        "seed": kills.SEED,
        "killed": len(died),
        "rounds": len(done),
        "same": sum(kill["identical_after_rerun"] for kill in done),
        "partial": sum(kill["partial"] for kill in done),
        "kills_table": _table(rows),
    }


def _repeated() -> dict[str, object]:
    told: dict[str, Any] = json.loads(repeats.RECORD.read_text(encoding="utf-8"))
    rows = [
        ["研究 study", "一次 once", "再一次 again", "文件 files", "不同 different"],
        ["---"] * 5,
        *(
            [one["study"], one["first"], one["second"], str(one["files"]), str(len(one["differ"]))]
            for one in told["repeats"]
        ),
    ]
    return {"repeats_date": told["date"], "repeats_table": _table(rows)}


def _bad_files() -> dict[str, object]:
    cases = all_cases()
    families = Counter(case.family for case in cases)
    codes: dict[str, Counter[int]] = {family: Counter() for family in families}
    for case in cases:
        codes[case.family][expected()[str(case)]] += 1
    rows = [["类 family", "个数 files", "退出码（个数） exit code (files)"], ["---"] * 3]
    for family, counted in sorted(codes.items()):
        told = ", ".join(f"{code} ({files})" for code, files in sorted(counted.items()))
        rows.append([family, str(families[family]), told])
    return {"cases": len(cases), "families": len(families), "corpus_table": _table(rows)}


def _memory() -> dict[str, object]:
    told: dict[str, dict[str, Any]] = json.loads(memory.RECORD.read_text(encoding="utf-8"))
    names = sorted(told, key=lambda name: (told[name]["street_nodes"], told[name]["pois"]))
    rows = [
        ["阶段 stage", *names],
        ["---"] * (len(names) + 1),
        ["日期 date", *(told[name]["date"] for name in names)],
        ["代码 code", *(told[name]["code"] or "—" for name in names)],
        *(
            [title, *(f"{told[name][what]:,}" for name in names)]
            for title, what in (
                ("街道节点 street nodes", "street_nodes"),
                ("兴趣点 POIs", "pois"),
                ("建筑 buildings", "buildings"),
                ("其中日常设施 ordinary facilities of them", "ordinary_facilities"),
            )
        ),
    ]
    for stage in STAGES:
        peaks = [told[name]["peak_mb"].get(stage.name) for name in names]
        rows.append([stage.name, *("—" if peak is None else f"{peak:,.0f}" for peak in peaks)])
    peaks = [max(told[name]["peak_mb"].values()) for name in names]
    rows.append(["**最大 largest**", *(f"**{peak:,.0f}**" for peak in peaks)])
    return {"limit_gib": LIMIT_GIB, "limit_mb": f"{LIMIT_MB:,.0f}", "memory_table": _table(rows)}


def _table(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows)


def main() -> None:
    """Write the document."""
    atomic_write(DOCUMENT, render())


if __name__ == "__main__":
    main()
