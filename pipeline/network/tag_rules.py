"""Read from the tags of a way whether, how fast and in which direction one mode may use it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from pipeline.settings.network import ModeRules

KM_PER_MILE = 1.609344
_SPEED = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(km/h|kmh|kph|mph)?\s*$")
_SIDEWALK_KEYS = ("sidewalk", "sidewalk:both", "sidewalk:left", "sidewalk:right")
_KEYS = frozenset(
    {
        *("highway", "area", "service", "motorroad", "maxspeed", "junction", "tunnel", "bridge"),
        *_SIDEWALK_KEYS,
    }
)
_FORWARD = frozenset({"yes", "true", "1"})
_BACK = frozenset({"-1", "reverse"})
# A passage through a building is entered from the street like any other way.
_NOT_UNDERGROUND = frozenset({"no", "building_passage"})


class Use(NamedTuple):
    """What one mode may do on a way, whatever its name."""

    forward_km_h: float | None
    back_km_h: float | None
    interior: bool
    snappable: bool
    structure: str
    highway: str

    def flipped(self) -> Use:
        """Return the same use seen from the other end."""
        return self._replace(forward_km_h=self.back_km_h, back_km_h=self.forward_km_h)


def way_use(tags: Mapping[str, str], rules: ModeRules, *, walk_km_h: float) -> Use | None:
    """Apply the rules of a mode to the tags of a way.

    Parameters
    ----------
    tags
        Tags of the way.
    rules
        Rules of the mode.
    walk_km_h
        Walking speed, used where a cyclist has to dismount.

    Returns
    -------
    use
        None where the mode may not use the way.
    """
    highway = tags.get("highway", "")
    speed = rules.speeds_km_h.get(highway)
    if speed is None or (tags.get("area") == "yes" and not rules.areas):
        return None
    value = access_value(tags, rules)
    allowed = _explicitly_allowed(tags, rules)
    if value in rules.closed_values:
        return None
    reserved = highway in rules.by_permission or _is_motorroad(tags, rules)
    if reserved and not allowed:
        return None
    driveway = highway == "service" and tags.get("service") in rules.interior_services
    interior = value in rules.interior_values or (driveway and not allowed)
    if value in rules.dismount_values:
        speed = walk_km_h
    elif rules.maxspeed:
        speed = _posted_km_h(tags.get("maxspeed")) or speed
    forward, back = _directions(tags, rules)
    structure = _structure(tags)
    return Use(
        forward_km_h=speed if forward else None,
        back_km_h=speed if back else None,
        interior=interior,
        snappable=highway not in rules.unsnappable
        and (rules.snap_to_bridges or structure == "surface"),
        structure=structure,
        highway=highway,
    )


def keys_read(rules: ModeRules) -> frozenset[str]:
    """Name the keys of the tags of ways that the rules of a mode look at."""
    return _KEYS.union(rules.access_keys, rules.oneway_keys, rules.contraflow_keys)


def access_value(tags: Mapping[str, str], rules: ModeRules) -> str | None:
    """Return the value of the most specific access key present."""
    return next((tags[key] for key in rules.access_keys if key in tags), None)


def barrier_effect(tags: Mapping[str, str], rules: ModeRules) -> str | None:
    """Tell what a barrier on a node does to a mode: `closed`, `interior` (a private gate) or None.

    An access tag on the node outranks the kind of barrier.
    """
    value = access_value(tags, rules)
    if value is not None:
        if value in rules.closed_values:
            return "closed"
        return "interior" if value in rules.interior_values else None
    return "closed" if tags.get("barrier") in rules.closed_barriers else None


def _explicitly_allowed(tags: Mapping[str, str], rules: ModeRules) -> bool:
    """Tell whether the mode's own key, or a sidewalk for walkers, opens the way."""
    own = tags.get(rules.access_keys[0])
    if own is not None:
        return own not in (*rules.closed_values, *rules.interior_values)
    on_foot = rules.access_keys[0] == "foot"
    return on_foot and any(
        tags.get(key) in {"yes", "both", "left", "right"} for key in _SIDEWALK_KEYS
    )


def _is_motorroad(tags: Mapping[str, str], rules: ModeRules) -> bool:
    """Tell whether the way is a motorroad and the mode is not one for motorways."""
    return tags.get("motorroad") == "yes" and "motorway" not in rules.speeds_km_h


def _posted_km_h(text: str | None) -> float | None:
    """Parse a posted speed; None for words such as `walk` or `signals`, and for zero."""
    match = _SPEED.match(text or "")
    if match is None:
        return None
    speed = float(match[1]) * (KM_PER_MILE if match[2] == "mph" else 1.0)
    return speed or None


def _directions(tags: Mapping[str, str], rules: ModeRules) -> tuple[bool, bool]:
    """Return whether the way may be used along and against its drawing direction."""
    if not rules.oneway or any(
        tags.get(key, "").startswith("opposite") for key in rules.contraflow_keys
    ):
        return True, True
    value = next((tags[key] for key in rules.oneway_keys if key in tags), None)
    if value in _BACK:
        return False, True
    implied = tags.get("junction") in {"roundabout", "circular"} or tags["highway"] == "motorway"
    if value in _FORWARD or (value is None and implied):
        return True, False
    return True, True


def _structure(tags: Mapping[str, str]) -> str:
    """Return surface, bridge or tunnel."""
    if tags.get("tunnel", "no") not in _NOT_UNDERGROUND:
        return "tunnel"
    return "bridge" if tags.get("bridge", "no") != "no" else "surface"
