"""Run many studies at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.say import complain, tell
from pipeline.commands.studies import (
    ClusterOption,
    CoresOption,
    JsonOption,
    RetriesOption,
    SetOption,
    WorkspaceOption,
)


def many(
    studies: Annotated[list[str], typer.Argument(help="研究名或文件 / names or files of studies")],
    *,
    overrides: SetOption = None,
    workspace: WorkspaceOption = Path(),
    cores: CoresOption = 2,
    cluster: ClusterOption = None,
    retries: RetriesOption = 1,
    as_json: JsonOption = False,
) -> None:
    """运行许多研究；失败的列出，其余照常交付 / run many studies; failures stop no other."""
    from pipeline.many import run_many
    from pipeline.workflow.cluster import read_cluster

    root = workspace.resolve()
    cities = run_many(
        studies,
        root,
        cores=cores,
        cluster=None if cluster is None else read_cluster(cluster),
        retries=retries,
        overrides=overrides or (),
        on_end=lambda study: tell(
            {"event": "done", "study": study}, f"完成 / done  {study}", as_json=as_json
        ),
    )
    failed = [city for city in cities if city.state == "failed"]
    for city in failed:
        complain(f"{city.study}: {city.reason}")
    told = root / "outputs" / "_many" / "cities.csv"
    tell(
        {"event": "end", "ok": len(cities) - len(failed), "failed": len(failed)},
        f"{len(cities) - len(failed)} 项完成，{len(failed)} 项失败 / "
        f"{len(cities) - len(failed)} studies done, {len(failed)} failed: {told}",
        as_json=as_json,
    )
    if failed:
        raise typer.Exit(1)
