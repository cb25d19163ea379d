"""The tag rules as a table: tags, mode and what may be done."""

from __future__ import annotations

import pytest

from pipeline.network.tag_rules import barrier_effect, way_use
from pipeline.settings.network import Mode, NetworkSettings

OPEN, CLOSED, INSIDE = "open", "closed", "interior"


@pytest.mark.parametrize(
    ("mode", "tags", "verdict"),
    [
        ("walk", {"highway": "residential"}, OPEN),
        ("walk", {"highway": "motorway"}, CLOSED),
        ("walk", {"highway": "trunk"}, CLOSED),
        ("walk", {"highway": "trunk", "sidewalk": "both"}, OPEN),
        ("walk", {"highway": "trunk", "foot": "yes"}, OPEN),
        ("walk", {"highway": "cycleway"}, CLOSED),
        ("walk", {"highway": "cycleway", "foot": "designated"}, OPEN),
        ("walk", {"highway": "primary", "motorroad": "yes"}, CLOSED),
        ("walk", {"highway": "footway", "access": "no"}, CLOSED),
        ("walk", {"highway": "footway", "access": "no", "foot": "yes"}, OPEN),
        ("walk", {"highway": "service", "service": "driveway"}, INSIDE),
        ("walk", {"highway": "service", "service": "driveway", "foot": "yes"}, OPEN),
        ("walk", {"highway": "service", "service": "alley"}, OPEN),
        ("walk", {"highway": "residential", "access": "private"}, INSIDE),
        ("walk", {"highway": "residential", "access": "private", "foot": "yes"}, OPEN),
        ("walk", {"highway": "pedestrian", "area": "yes"}, OPEN),
        ("walk", {"highway": "construction"}, CLOSED),
        ("cycle", {"highway": "footway"}, CLOSED),
        ("cycle", {"highway": "footway", "bicycle": "yes"}, OPEN),
        ("cycle", {"highway": "steps"}, CLOSED),
        ("drive", {"highway": "footway"}, CLOSED),
        ("drive", {"highway": "residential", "access": "destination"}, INSIDE),
        (
            "drive",
            {"highway": "residential", "access": "destination", "motor_vehicle": "yes"},
            OPEN,
        ),
        ("drive", {"highway": "residential", "motor_vehicle": "no"}, CLOSED),
    ],
)
def test_who_may_use_a_way(mode: Mode, tags: dict[str, str], verdict: str) -> None:
    use = way_use(tags, NetworkSettings().rules(mode), walk_km_h=4.8)
    found = CLOSED if use is None else INSIDE if use.interior else OPEN
    assert found == verdict


@pytest.mark.parametrize(
    ("mode", "tags", "directions"),
    [
        ("drive", {}, (True, True)),
        ("drive", {"oneway": "yes"}, (True, False)),
        ("drive", {"oneway": "-1"}, (False, True)),
        ("drive", {"oneway": "no", "junction": "roundabout"}, (True, True)),
        ("drive", {"junction": "roundabout"}, (True, False)),
        ("walk", {"oneway": "yes"}, (True, True)),
        ("cycle", {"oneway": "yes"}, (True, False)),
        ("cycle", {"oneway": "yes", "oneway:bicycle": "no"}, (True, True)),
        ("cycle", {"oneway": "yes", "cycleway:left": "opposite_lane"}, (True, True)),
    ],
)
def test_directions(mode: Mode, tags: dict[str, str], directions: tuple[bool, bool]) -> None:
    use = way_use({"highway": "secondary", **tags}, NetworkSettings().rules(mode), walk_km_h=4.8)
    assert use is not None
    assert (use.forward_km_h is not None, use.back_km_h is not None) == directions


@pytest.mark.parametrize(
    ("posted", "km_h"),
    [
        (None, 35.0),
        ("50", 50.0),
        ("30 mph", 48.28032),
        ("walk", 35.0),
        ("0", 35.0),
        ("none", 35.0),
        ("50;30", 35.0),
    ],
)
def test_posted_speeds(posted: str | None, km_h: float) -> None:
    tags = {"highway": "secondary"} | ({"maxspeed": posted} if posted else {})
    use = way_use(tags, NetworkSettings().rules("drive"), walk_km_h=4.8)
    assert use is not None
    assert use.forward_km_h == pytest.approx(km_h)


def test_cyclists_push_where_they_dismount() -> None:
    tags = {"highway": "footway", "bicycle": "dismount"}
    use = way_use(tags, NetworkSettings().rules("cycle"), walk_km_h=4.8)
    assert use is not None
    assert use.forward_km_h == 4.8


def test_a_passage_through_a_building_is_no_tunnel() -> None:
    rules = NetworkSettings().rules("walk")
    for value, structure in (("yes", "tunnel"), ("building_passage", "surface"), ("no", "surface")):
        use = way_use({"highway": "footway", "tunnel": value}, rules, walk_km_h=4.8)
        assert use is not None
        assert use.structure == structure


@pytest.mark.parametrize(
    ("mode", "tags", "effect"),
    [
        ("drive", {"barrier": "bollard"}, "closed"),
        ("walk", {"barrier": "bollard"}, None),
        ("drive", {"barrier": "bollard", "motor_vehicle": "yes"}, None),
        ("walk", {"barrier": "gate", "access": "private"}, "interior"),
        ("walk", {"barrier": "gate", "access": "no"}, "closed"),
        ("walk", {"barrier": "gate"}, None),
    ],
)
def test_barriers(mode: Mode, tags: dict[str, str], effect: str | None) -> None:
    assert barrier_effect(tags, NetworkSettings().rules(mode)) == effect
