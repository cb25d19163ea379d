"""Show where the time and the memory of a run went, stage by stage."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.table import Table

from pipeline.commands.say import out, say, tell

if TYPE_CHECKING:
    from pipeline.plan import StageState
    from pipeline.usage import Usage
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
    peaks = [usage.peak_mb for usage in usages if usage.peak_mb is not None]
    table.add_row(
        "合计 total",
        f"{sum(usage.wall_s for usage in usages):.1f}",
        f"{sum(usage.cpu_s for usage in usages):.1f}",
        f"{max(peaks):.0f}" if peaks else "–",
    )
    return table


def _cells(usage: Usage) -> list[str]:
    numbers = (usage.peak_mb, usage.read_mb, usage.written_mb)
    sizes = ["–" if number is None else f"{number:.0f}" for number in numbers]
    return [usage.stage, f"{usage.wall_s:.1f}", f"{usage.cpu_s:.1f}", *sizes]
