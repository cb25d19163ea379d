"""Put values given on the command line or by a scenario in the place of those of a study file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn, get_args

from pydantic import BaseModel

from pipeline.errors import Problem, StudyError
from pipeline.settings.base import CHOSEN
from pipeline.settings.inputs import ORIGINS


def put_overrides(
    tree: dict[str, Any],
    overrides: Mapping[str, Any],
    typed: Mapping[str, str],
    model: type[BaseModel],
) -> dict[str, str]:
    """Set values below their sections; a section that the file leaves empty begins here.

    Parameters
    ----------
    tree
        The plain content of a study file; it is altered.
    overrides
        Values by dotted path. A part such as ``needs[service=rail]`` chooses the entry of a list
        that has this value; a list that the file does not state is that of the defaults.
    typed
        How each was given, for messages.
    model
        The settings that the tree is to hold.

    Returns
    -------
    How each was given, by the path with the number of a chosen entry (``gaps.needs.0.threshold``).

    Raises
    ------
    StudyError
        There is no section, or no such entry, above a value.
    """
    _begin_anew(tree, overrides)
    return {
        _put(tree, _keys(dotted), value, typed[dotted], model): typed[dotted]
        for dotted, value in overrides.items()
    }


def _keys(dotted: str) -> list[str]:
    """Cut a path at its dots, but for those inside brackets."""
    keys, depth = [""], 0
    for sign in dotted:
        depth += (sign == "[") - (sign == "]")
        if sign == "." and depth <= 0:
            keys.append("")
        else:
            keys[-1] += sign
    return keys


def _begin_anew(tree: dict[str, Any], overrides: Mapping[str, Any]) -> None:
    """Empty the inputs whose origin becomes another kind: columns and dates were of the old one."""
    inputs = tree.get("inputs")
    if not isinstance(inputs, dict):
        return
    for dotted, value in overrides.items():
        section, _, rest = dotted.partition(".")
        role, _, origin = rest.partition(".")
        if section != "inputs" or origin not in ORIGINS or value is None:
            continue
        given = inputs.get(role)
        others = [name for name in ORIGINS if name != origin]
        if isinstance(given, dict) and any(given.get(name) is not None for name in others):
            inputs[role] = {}


def _put(
    tree: dict[str, Any],
    keys: list[str],
    value: Any,  # noqa: ANN401
    typed: str,
    model: type[BaseModel] | None,
) -> str:
    path: list[str] = []
    for key in keys[:-1]:
        chosen = CHOSEN.match(key)
        name = chosen[1] if chosen else key
        path.append(name)
        if chosen:
            entries: Any = tree.get(name) or _default(model, name)
            at = _chosen(entries, chosen[2], chosen[3], typed, ".".join(path))
            tree[name], below = entries, entries[at]
            path.append(str(at))
        else:
            if tree.get(name) is None:
                tree[name] = {}
            below = tree[name]
        if not isinstance(below, dict):
            _refuse_below(".".join(path), typed, ".".join(keys))
        tree, model = below, _model_of(model, name)
    tree[keys[-1]] = value
    return ".".join([*path, keys[-1]])


def _model_of(model: type[BaseModel] | None, name: str) -> type[BaseModel] | None:
    """Give the settings that a setting holds, alone or in a list."""
    field = None if model is None else model.model_fields.get(name)
    if field is None:
        return None
    inner = (field.annotation, *get_args(field.annotation))
    return next(
        (one for one in inner if isinstance(one, type) and issubclass(one, BaseModel)), None
    )


def _default(model: type[BaseModel] | None, name: str) -> object:
    field = None if model is None else model.model_fields.get(name)
    default = () if field is None else field.default
    entries = default if isinstance(default, tuple) else ()
    return [entry.model_dump(mode="json") for entry in entries if isinstance(entry, BaseModel)]


def _chosen(entries: object, field: str, wanted: str, typed: str, above: str) -> int:
    """Find the entry of a list that has a value."""
    dicts = [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
    known = [str(entry.get(field)) for entry in dicts]
    if known.count(wanted) == 1 and isinstance(entries, list):
        return entries.index(dicts[known.index(wanted)])
    there = ", ".join(f"{above}[{field}={value}]" for value in known)
    raise StudyError(
        Problem(
            zh=f"“{above}”中没有唯一的 {field}={wanted}",
            en=f"{above!r} has no entry, or several, with {field}={wanted}",
            path=typed,
            rule=above,
            remedy_zh=f"现有：{there or '无'}",
            remedy_en=f"there are: {there or 'none'}",
        )
    )


def _refuse_below(above: str, typed: str, rule: str) -> NoReturn:
    raise StudyError(
        Problem(
            zh=f"“{above}”不是分节，其下没有设置",
            en=f"{above!r} is no section, there are no settings below it",
            path=typed,
            rule=rule,
            remedy_zh="列表中的一项写作 gaps.needs[service=rail].threshold；参见 docs/settings.md",
            remedy_en="an entry of a list is written gaps.needs[service=rail].threshold; "
            "see docs/settings.md",
        )
    )
