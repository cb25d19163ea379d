"""Write the documents that are generated from code and data, or check that they are in step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.say import say

DocsOption = Annotated[Path, typer.Option("--docs", help="文档目录 / folder of the documents")]
CheckOption = Annotated[bool, typer.Option("--check", help="只核对 / fail when out of step")]


def docs(*, folder: DocsOption = Path("docs"), check: CheckOption = False) -> None:
    """由代码与数据生成文档 / generate the documents, or with --check compare them."""
    from pipeline.generated_docs import write_documents

    for path in write_documents(folder, check=check):
        say(f"{'一致 / in step' if check else '已写 / written'}  {path}")
