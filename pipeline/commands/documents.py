"""Write the documents that are generated from code and data, or check that they are in step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.say import say

DocsOption = Annotated[Path, typer.Option("--docs", help="文档目录 / folder of the documents")]
CheckOption = Annotated[bool, typer.Option("--check", help="只核对 / fail when out of step")]


def _version(asked: bool) -> None:  # noqa: FBT001 - called by typer
    """Say which parkgap this is, and on what it runs: the first line of a report of a defect."""
    if not asked:
        return
    import platform
    from importlib.metadata import version

    say(f"parkgap {version('parkgap')}, Python {platform.python_version()}, {platform.platform()}")
    raise typer.Exit


def options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="版本，供反馈时引用 / the version"
        ),
    ] = False,
) -> None:
    """园区服务缺口：产业园区何处缺少城市 / where industrial parks lack the city."""
    del version  # answered before any command runs


def docs(*, folder: DocsOption = Path("docs"), check: CheckOption = False) -> None:
    """由代码与数据生成文档 / generate the documents, or with --check compare them."""
    from pipeline.documents.generated import write_documents

    for path in write_documents(folder, check=check):
        say(f"{'一致 / in step' if check else '已写 / written'}  {path}")
