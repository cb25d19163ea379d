"""All documents that are generated from code and data, in one list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline import api
from pipeline.atomic import atomic_write
from pipeline.documents.api import render_interface
from pipeline.documents.exit_codes import render_exit_codes
from pipeline.documents.layers import render_layers
from pipeline.documents.reference import render_reference_docs
from pipeline.errors import Problem, StudyError
from pipeline.sources.study_rendering import render_schema, render_settings

DOCUMENTS: Mapping[str, Callable[[], str]] = {
    "settings.md": render_settings,
    "study.schema.json": render_schema,
    "reference.md": render_reference_docs,
    "layers.md": render_layers,
    "exit_codes.md": render_exit_codes,
    "api.md": lambda: render_interface(api, api.THEMES),
}


def write_documents(folder: Path, *, check: bool) -> list[Path]:
    """Write every generated document, or with `check` only compare.

    Raises
    ------
    StudyError
        With `check`, names every committed document that differs from its source.
    """
    paths = [folder / name for name in DOCUMENTS]
    stale = []
    for path, render in zip(paths, DOCUMENTS.values(), strict=True):
        content = render()
        if not check:
            atomic_write(path, content)
        elif not path.is_file() or path.read_text(encoding="utf-8") != content:
            stale.append(path)
    if stale:
        raise StudyError(
            *(
                Problem(
                    zh="与其来源不一致",
                    en="out of step with its source",
                    path=path,
                    remedy_zh="运行 parkgap docs 后提交",
                    remedy_en="run `parkgap docs` and commit",
                )
                for path in stale
            )
        )
    return paths
