"""The base of every settings section and the way a setting is declared."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A section of the study file: closed (no unknown keys) and immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


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
