"""The base of every settings section and the way a setting is declared."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

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
        Unit of the number, as shown to users ("m", "min", "km/h", "share").
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
    if source is not None:
        extra["source"] = source
    return Field(default, description=f"{zh} / {en}", json_schema_extra=dict(extra), **constraints)
