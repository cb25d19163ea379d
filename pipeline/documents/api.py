"""Generate the page that lists the public interface."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from types import ModuleType

HEADER = """# 公开接口 / Public interface

由 `parkgap docs` 从 `pipeline/api.py` 生成，请勿手改。
Generated from `pipeline/api.py` by `parkgap docs`; do not edit by hand.

```python
from pipeline.api import open_layers
```

笔记本与其他程序只应从这里导入；这些名称在一个主版本内含义不变，其余模块可随时改动。
Notebooks and other programs import from here alone. These names keep their meaning within a major
version; everything else may change without notice.
"""


def render_interface(module: ModuleType, themes: Mapping[tuple[str, str], Sequence[str]]) -> str:
    """Render the public names by theme, each with the first sentence of its docstring."""
    parts = [HEADER]
    for (zh, en), names in themes.items():
        rows = [f"| `{name}` | {_said(getattr(module, name))} |" for name in names]
        parts.append("\n".join([f"## {zh} / {en}", "", "| name | |", "|---|---|", *rows, ""]))
    return "\n".join(parts)


def _said(thing: object) -> str:
    """Give the first line of a docstring; a constant says what it is."""
    if not callable(thing):
        return f"{type(thing).__name__}: {', '.join(thing) if isinstance(thing, dict) else thing}"
    first = (inspect.getdoc(thing) or "").partition("\n")[0]
    return first.replace("|", "\\|")
