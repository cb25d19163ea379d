"""The base of every settings section and the way a setting is declared."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

# One entry of a list of sections in a path: `needs[service=rail]`.
CHOSEN = re.compile(r"^(\w+)\[(\w+)=(\w+)\]$")
_QUANTITY = re.compile(r"^\s*([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*([^\d\s].*?)\s*$")


class Section(BaseModel):
    """A section of the study file: closed (no unknown keys) and immutable.

    A number may be written with its unit (``800 m``); a unit other than the declared one is
    refused, never converted, so that a figure in the file is the figure in the computation.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )

    @model_validator(mode="before")
    @classmethod
    def _strip_units(cls, data: Any) -> Any:  # noqa: ANN401
        if not isinstance(data, dict):
            return data
        return {key: cls._number(key, value) for key, value in data.items()}

    @classmethod
    def _number(cls, key: str, value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, list):
            return [cls._number(key, item) for item in value]
        field = cls.model_fields.get(key)
        extra = field.json_schema_extra if field is not None else None
        unit = extra.get("unit") if isinstance(extra, dict) else None
        match = _QUANTITY.match(value) if isinstance(value, str) and unit is not None else None
        if match is None:
            return value
        # Another unit leaves the text, which is no number: the message names the one allowed.
        return float(match[1]) if match[2] == unit else value

    def only(self, paths: Iterable[str]) -> Self:
        """Give a copy that holds nothing but the settings at some paths and what is below them.

        Parameters
        ----------
        paths
            Dotted, such as ``gaps.cap``; of a list of sections ``needs[service=rail]`` keeps those
            whose field has that value, ``needs[service=rail].mode`` no more than that of them, and
            ``needs.mode`` that of each.

        Returns
        -------
        A section of the same class. Asking it for another of its settings is a defect of the
        program: an AssertionError. What it gives out (`model_dump`) is as narrow.

        Raises
        ------
        KeyError
            A path names no setting.
        """
        below: dict[str, list[str]] = {}
        for path in paths:
            head, _, rest = path.partition(".")
            below.setdefault(head, []).append(rest)
        held = {}
        for head, rests in below.items():
            chosen = CHOSEN.match(head)
            name = chosen[1] if chosen else head
            value = self.__dict__[name]
            if chosen:
                value = tuple(one for one in value if str(getattr(one, chosen[2])) == chosen[3])
            if all(rests):
                many = isinstance(value, tuple)
                value = tuple(one.only(rests) for one in value) if many else value.only(rests)
            held[name] = value
        narrow = self.model_copy()
        narrow.__dict__.clear()
        narrow.__dict__.update((name, held[name]) for name in self.__dict__ if name in held)
        return narrow

    if not TYPE_CHECKING:  # else every misspelt attribute would pass

        def __getattr__(self, name: str) -> Any:  # noqa: ANN401
            """Refuse a setting that was left out by `only`."""
            if name in type(self).model_fields:
                msg = f"flow.py does not list {name!r} of {type(self).__name__} in settings"
                raise AssertionError(msg)
            return super().__getattr__(name)


# A number beyond these is a slip of the pen or of the unit: a day, 1,000 km, and so on.
LARGEST = {"min": 1440, "m": 1_000_000, "km": 10_000, "m/min": 3000, "km/h": 500}


def setting(
    default: Any = ...,  # noqa: ANN401
    *,
    zh: str,
    en: str,
    unit: str | None = None,
    source: str | None = None,
    **constraints: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """Declare one setting with what the generated documentation and schema need.

    Parameters
    ----------
    default
        Value used when the study file is silent; omit to make the key required.
    zh, en
        What the setting means, in Chinese and in English.
    unit
        Unit of the number, as shown to users ("m", "min", "km/h", "share"). One that has a default
        and no bound of its own is bounded by `LARGEST`.
    source
        Where the default comes from: a standard, a paper, or "analyst choice".
    constraints
        Any constraint pydantic's ``Field`` takes (``gt``, ``le``, ``min_length`` ...).

    Returns
    -------
    pydantic field
    """
    extra = {"zh": zh, "en": en}
    if unit is not None:
        extra["unit"] = unit
        if (
            isinstance(default, int | float)
            and unit in LARGEST
            and not {"le", "lt"} & {*constraints}
        ):
            constraints["le"] = LARGEST[unit]
    if source is not None:
        extra["source"] = source
    return Field(default, description=f"{zh} / {en}", json_schema_extra=dict(extra), **constraints)
