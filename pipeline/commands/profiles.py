"""Show where the time and the memory of a run went, stage by stage."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.table import Table

from pipeline.commands.say import out, say, tell
from pipeline.usage import Usage

if TYPE_CHECKING:
    from pipeline.plan import StageState
    from pipeline.workspace import Workspace

HEADERS = (
    "阶段\nstage",
    "历时 s\nwall",
    "处理器 s\nCPU",
    "内存峰值 MB\npeak",
    "读 MB\nread",
    "写 MB\nwritten",
    "何时\nwhen",
)
WHEN = {True: "本次 now", False: "此前 before"}


def tell_profile(found: list[StageState], workspace: Workspace, *, as_json: bool) -> None:
    """Print what each stage took, and write the same to `logs/profile.json` of the built study.

    A stage that was kept shows what it took when it last ran.
    """
    from pipeline.atomic import atomic_write
    from pipeline.usage import read_usages

    ran = {state.stage.name: state.ran for state in found}
    usages = read_usages([workspace.usage(name) for name in ran])
    records = [{**asdict(usage), "this_run": ran[usage.stage]} for usage in usages]
    atomic_write(workspace.profile, json.dumps(records, indent=1) + "\n")
    if as_json:
        for record in records:
            tell({"event": "profile", **record}, "", as_json=True)
        return
    out.print(_table(usages, ran))
    say(
        "各阶段可同时运行，历时之和大于实际用时；“此前”为该阶段上次计算时的用量 / stages run at "
        "once, so their wall times add up to more than the run took; `before`: when last computed"
    )
    if any(usage.peak_mb is None for usage in usages):
        say("本系统不告知内存或读写量 / this system does not tell memory or bytes moved")
    say(f"已写 / written  {workspace.profile}")


def _table(usages: list[Usage], ran: dict[str, bool]) -> Table:
    table = Table(*HEADERS, box=None, pad_edge=False)
    for column in table.columns:
        column.no_wrap = True
    for column in table.columns[1:-1]:
        column.justify = "right"
    for usage in usages:
        table.add_row(*_cells(usage), WHEN[ran[usage.stage]])
    table.add_section()
    these = [usage for usage in usages if ran[usage.stage]]
    if these:
        table.add_row(*_cells(_total("本次 this run", these)))
    if len(these) < len(usages):
        table.add_row(*_cells(_total("全部 all", usages)))
    return table


def _total(name: str, usages: list[Usage]) -> Usage:
    """Add what several stages took; of memory, the most that one of them held."""
    peaks = [usage.peak_mb for usage in usages if usage.peak_mb is not None]
    reads = [usage.read_mb for usage in usages if usage.read_mb is not None]
    writes = [usage.written_mb for usage in usages if usage.written_mb is not None]
    return Usage(
        stage=name,
        wall_s=sum(usage.wall_s for usage in usages),
        cpu_s=sum(usage.cpu_s for usage in usages),
        peak_mb=max(peaks, default=None),
        read_mb=sum(reads) if reads else None,
        written_mb=sum(writes) if writes else None,
    )


def _cells(usage: Usage) -> list[str]:
    numbers = (usage.peak_mb, usage.read_mb, usage.written_mb)
    sizes = ["–" if number is None else f"{number:.0f}" for number in numbers]
    return [usage.stage, f"{usage.wall_s:.1f}", f"{usage.cpu_s:.1f}", *sizes]
