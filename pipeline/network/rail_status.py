"""Decide by rule which mapped stations operate, are being built, are planned or are no stop."""

from __future__ import annotations

import json
import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping

import pandas as pd

from pipeline.errors import FieldError, Problem
from pipeline.settings.rail import StationSettings

logger = logging.getLogger(__name__)

Tags = Mapping[str, str]
Rule = Callable[[Tags, StationSettings], bool]

OPERATING, BUILDING, PLANNED = "operating", "under_construction", "planned"
NO_STOP = "not_passenger_rail"

_METRO = frozenset({"subway", "light_rail", "monorail"})
_CLOSED_KEYS = ("disused", "abandoned", "demolished", "razed")
_BUILDING_KEYS = ("construction",)
_PLANNED_KEYS = ("planned", "proposed")
_BRACKETS = re.compile(r"[((][^()()]*[))]?")


def classify_stations(features: pd.DataFrame, *, settings: StationSettings) -> pd.DataFrame:
    """Decide the status of mapped station features from their tags.

    The first rule that applies decides, in the order of `RULES`: closed for good, yard or depot,
    airside, under construction, planned, operating metro, operating train, no sign of passengers.
    A feature that is both planned and under construction is under construction.

    Parameters
    ----------
    features
        A column `tags`: a mapping of OpenStreetMap tags or its JSON text. Null for `{}`.

    Returns
    -------
    decisions
        On the caller's index: `status` (`operating`, `under_construction`, `planned`,
        `not_passenger_rail`), `rule` (the rule that decided), `system` (`metro`, `train`, null
        when the tags do not tell) and `name` (without remarks such as （在建）; null when unnamed).

    Raises
    ------
    FieldError
        When tags are not a mapping.
    """
    tags = [_tags(value, row) for row, value in zip(features.index, features["tags"], strict=True)]
    decided = [next(rule for rule in RULES if RULES[rule][1](item, settings)) for item in tags]
    table = pd.DataFrame(
        {
            "status": [RULES[rule][0] for rule in decided],
            "rule": decided,
            "system": pd.array([_system(item) for item in tags], dtype="string"),
            "name": pd.array([bare_name(item.get("name"), settings) for item in tags], "string"),
        },
        index=features.index,
    )
    counts = ", ".join(f"{n} {name}" for name, n in sorted(Counter(table["status"]).items()))
    logger.info("%d station features: %s", len(table), counts)
    return table


def _tags(value: object, row: object) -> Tags:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            value = None
    elif value is None or value is pd.NA:
        value = {}
    if not isinstance(value, Mapping):
        problem = Problem(
            zh="tags 不是 JSON 对象", en="tags are not a JSON object", row=str(row), rule="tags"
        )
        raise FieldError(problem)
    return {str(key): str(text) for key, text in value.items()}


def bare_name(name: str | None, settings: StationSettings) -> str | None:
    """Drop remarks on the state of works from a station's name, and the 站 before a remark."""
    if not name:
        return None
    plain = unicodedata.normalize("NFKC", name)
    words = (*settings.building_words, *settings.planned_words)
    kept = _BRACKETS.sub(
        lambda found: "" if any(word in found[0] for word in words) else found[0], plain
    ).strip()
    if kept != plain:
        kept = kept.removesuffix("站")
    return kept or None


def _system(tags: Tags) -> str | None:
    kinds = set(re.split(r"\s*;\s*", tags.get("station", "")))
    if kinds & _METRO or any(tags.get(kind, "no") not in {"no", ""} for kind in _METRO):
        return "metro"
    if "train" in kinds or tags.get("train", "no") == "yes":
        return "train"
    return None


def _state(tags: Tags, keys: tuple[str, ...]) -> bool:
    """Tell whether a life-cycle state is tagged: as a key, a prefix, or a value of railway."""
    values = {tags.get("railway"), tags.get("public_transport"), tags.get("landuse")}
    keyed = any(
        key.split(":")[0] in keys and value != "no" and not key.endswith(":name")
        for key, value in tags.items()
    )
    return keyed or bool(values & set(keys))


def _named(tags: Tags, words: tuple[str, ...]) -> bool:
    return any(word in tags.get("name", "") for word in words)


RULES: dict[str, tuple[str, Rule]] = {
    "closed: disused, abandoned, demolished or razed": (
        NO_STOP,
        lambda tags, _: _state(tags, _CLOSED_KEYS),
    ),
    "name of a yard or depot": (NO_STOP, lambda tags, s: _named(tags, s.freight_words)),
    "people mover inside an airport": (
        NO_STOP,
        lambda tags, s: tags.get("name") in s.airside_names and _system(tags) == "metro",
    ),
    "tag construction": (BUILDING, lambda tags, _: _state(tags, _BUILDING_KEYS)),
    "name says not yet open": (BUILDING, lambda tags, s: _named(tags, s.building_words)),
    "tag planned or proposed": (PLANNED, lambda tags, _: _state(tags, _PLANNED_KEYS)),
    "name says planned": (PLANNED, lambda tags, s: _named(tags, s.planned_words)),
    "tag public_transport=no": (NO_STOP, lambda tags, _: tags.get("public_transport") == "no"),
    "not tagged railway=station, halt or stop": (
        NO_STOP,
        lambda tags, _: tags.get("railway") not in {"station", "halt", "stop", "tram_stop"},
    ),
    "metro station": (OPERATING, lambda tags, _: _system(tags) == "metro"),
    "train station": (OPERATING, lambda tags, _: _system(tags) == "train"),
    "no sign of passenger trains": (NO_STOP, lambda _tags, _settings: True),
}
"""Status and test of each rule, first match decides."""
