"""Parse a study file: its values quickly, the lines they stand on where a message needs them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent

from pipeline.errors import Problem, StudyError

MAX_STUDY_BYTES = 1_000_000
MAX_STUDY_BRACKETS = 100
MAX_STUDY_LEVELS = 20
MAX_STUDY_VALUES = 100_000  # aliases of aliases multiply


def study_text(path: Path) -> str:
    """Read a study file; one that is no UTF-8, too large or too deep is a StudyError."""
    try:
        size = path.stat().st_size
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise StudyError(
            Problem(
                zh="研究文件无法读取", en=f"cannot read the study file: {error.strerror}", path=path
            )
        ) from error
    except UnicodeDecodeError as error:
        raise StudyError(
            Problem(
                zh="研究文件不是 UTF-8 编码",
                en="the study file is not UTF-8",
                path=path,
                row=f"byte {error.start}",
                remedy_zh="另存为 UTF-8",
                remedy_en="save it as UTF-8",
            )
        ) from error
    if size > MAX_STUDY_BYTES:
        raise StudyError(
            Problem(
                zh=f"研究文件超过 {MAX_STUDY_BYTES} 字节",
                en=f"the study file is larger than {MAX_STUDY_BYTES} bytes",
                path=path,
            )
        )
    if _brackets(text) > MAX_STUDY_BRACKETS:  # the parser would take its time to give up
        raise StudyError(Problem(zh="YAML 嵌套过深", en="YAML is nested too deeply", path=path))
    return text


def plain_tree(path: Path, text: str) -> dict[str, Any]:
    """Parse a study file into dictionaries, lists and scalars, without tags or code.

    libyaml does it in a tenth of the time; what it refuses is parsed again for the message.

    Raises
    ------
    StudyError
        The text is no YAML, no mapping, or grows beyond a limit.
    """
    tree = _quickly(text)
    found: dict[str, Any] = _plain(tree or tree_with_lines(path, text), [MAX_STUDY_VALUES])
    return found


def _quickly(text: str) -> dict[Any, Any] | None:
    try:
        return _shallow(text)
    except (YAMLError, ValueError, RecursionError):
        return None


def _shallow(text: str) -> dict[Any, Any] | None:
    """Parse with libyaml what is not so deep that its stack would overflow."""
    depth = 0
    for event in YAML(typ="safe").parse(text):
        depth += isinstance(event, CollectionStartEvent)
        depth -= isinstance(event, CollectionEndEvent)
        if depth > MAX_STUDY_LEVELS:
            return None
    tree = YAML(typ="safe").load(text)
    return tree if isinstance(tree, dict) else None


def tree_with_lines(path: Path, text: str) -> CommentedMap:
    """Parse YAML without tags or code, keeping the line of every key."""
    parser = YAML(typ="rt", pure=True)
    parser.allow_duplicate_keys = False
    try:
        tree = parser.load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise StudyError(
            Problem(
                zh="不是有效的 YAML",
                en=f"not valid YAML: {getattr(error, 'problem', None) or error}",
                path=path,
                row=None if mark is None else f"line {mark.line + 1}",
            )
        ) from error
    except (ValueError, RecursionError) as error:
        raise StudyError(
            Problem(zh="YAML 内容无法解析", en=f"YAML cannot be interpreted: {error}", path=path)
        ) from error
    if not isinstance(tree, CommentedMap):
        raise StudyError(
            Problem(
                zh="研究文件应为“键: 值”结构",
                en="a study file is a mapping of sections",
                path=path,
                remedy_zh="参见 docs/settings.md",
                remedy_en="see docs/settings.md",
            )
        )
    return tree


def _brackets(text: str) -> int:
    """Give how deep brackets are open at most, whatever stands in quotes or comments."""
    depth = deepest = 0
    for sign in re.findall(r"[\[\]{}]", text):
        depth += 1 if sign in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _plain(node: Any, left: list[int], depth: int = 0) -> Any:  # noqa: ANN401
    """Turn the parsed tree into plain dictionaries, lists and scalars.

    `left` counts down the values that may still come.
    """
    left[0] -= 1
    if left[0] < 0:
        raise StudyError(Problem(zh="YAML 别名展开后过大", en="YAML aliases grow too large"))
    if depth > MAX_STUDY_LEVELS:
        raise StudyError(Problem(zh="YAML 嵌套过深", en="YAML is nested too deeply"))
    if isinstance(node, dict):
        return {str(key): _plain(value, left, depth + 1) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value, left, depth + 1) for value in node]
    return node
