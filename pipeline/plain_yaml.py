"""Read YAML as plain values: no tags, no aliases that multiply, nothing too large or too deep."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent

from pipeline.errors import ParkgapError, Problem

MOST_BYTES = 500_000
MOST_LEVELS = 40
E = TypeVar("E", bound=ParkgapError)


def read_plain_yaml(path: Path, *, error: type[E], rule: str) -> object:
    """Read a YAML file as dictionaries, lists and scalars.

    Parameters
    ----------
    path
        UTF-8, at most 500 kB and 40 levels deep, without aliases.
    error
        The class of error for this kind of file.
    rule
        What the file is, for messages.

    Raises
    ------
    ParkgapError
        Of the class given: the file cannot be read, is no YAML, or is beyond a limit.
    """
    reason: tuple[str, str] | None
    try:
        text = path.read_text(encoding="utf-8") if path.stat().st_size <= MOST_BYTES else None
        if text is None:
            reason = f"超过 {MOST_BYTES} 字节", f"larger than {MOST_BYTES} bytes"
        else:
            reason = _reason_against(text)
            if reason is None:
                return YAML(typ="safe", pure=True).load(text)
    except (OSError, UnicodeDecodeError) as cause:
        reason = "文件无法读取", f"cannot be read: {cause}"
    except (YAMLError, ValueError, RecursionError) as cause:
        reason = "不是有效的 YAML", f"not valid YAML: {cause}"
    raise error(Problem(*reason, path=path, rule=rule))


def _reason_against(text: str) -> tuple[str, str] | None:
    """Look through the events, before anything is built of them."""
    depth = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        if isinstance(event, AliasEvent):
            return "不允许使用 YAML 别名", "YAML aliases are not allowed"
        depth += isinstance(event, CollectionStartEvent)
        depth -= isinstance(event, CollectionEndEvent)
        if depth > MOST_LEVELS:
            return "嵌套过深", f"nested deeper than {MOST_LEVELS} levels"
    return None
