"""Write which claim of the sources is computed where, from a built study."""

from __future__ import annotations

from pathlib import Path

from pipeline.commands.documents import CheckOption, DocsOption
from pipeline.commands.say import say
from pipeline.commands.studies import StudyOption, WorkspaceOption, open_study
from pipeline.resources import FIRST_STUDY


def coverage(
    *,
    study: StudyOption = FIRST_STUDY,
    workspace: WorkspaceOption = Path(),
    folder: DocsOption = Path("docs"),
    check: CheckOption = False,
) -> None:
    """由已构建的研究写出论断对照 / write from a built study which claim is computed where."""
    from pipeline.atomic import atomic_write
    from pipeline.documents.coverage import read_mapping, render_coverage
    from pipeline.errors import Problem, StudyError

    _plan, place = open_study(study, None, None, workspace)
    path, content = folder / "coverage.md", render_coverage(place, read_mapping())
    if not check:
        atomic_write(path, content)
    elif not path.is_file() or path.read_text(encoding="utf-8") != content:
        raise StudyError(
            Problem(
                zh="与已构建的研究不一致",
                en="out of step with the built study",
                path=path,
                remedy_zh="运行 parkgap coverage 后提交",
                remedy_en="run `parkgap coverage` and commit",
            )
        )
    say(f"{'一致 / in step' if check else '已写 / written'}  {path}")
