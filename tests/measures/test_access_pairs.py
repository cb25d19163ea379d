"""Hold the canonical form of travel costs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import FieldError
from pipeline.measures.access_pairs import cost_pairs, nearest_entrance, supply_or_default

ORIGINS = pd.Index(["a", "b", "c"])
FACILITIES = pd.Index(["h1", "h2"])


def table(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["origin", "facility", "minutes"])


def test_pairs_are_sorted_and_unreached_ones_dropped() -> None:
    rows = table(("b", "h2", 5), ("a", "h2", 9), ("a", "h1", 3), ("c", "h1", np.nan))
    pairs = cost_pairs(rows, origins=ORIGINS, facilities=FACILITIES)
    assert pairs.origin_code.tolist() == [0, 0, 1]
    assert pairs.facility_code.tolist() == [0, 1, 1]
    assert pairs.minutes.tolist() == [3, 9, 5]
    assert repr(pairs) == "<CostPairs 3 origins x 2 facilities, 3 pairs, 9.0 min at most>"


def test_limit_is_inclusive() -> None:
    rows = table(("a", "h1", 30), ("b", "h1", 30.000001))
    pairs = cost_pairs(rows, origins=ORIGINS, facilities=FACILITIES, limit_min=30)
    assert pairs.origin_code.tolist() == [0]


def test_categories_give_the_same_pairs_as_text() -> None:
    rows = table(("b", "h2", 5), ("a", "h1", 3))
    as_text = cost_pairs(rows, origins=ORIGINS, facilities=FACILITIES)
    coded = rows.astype({"origin": "category", "facility": "category"})
    as_category = cost_pairs(coded, origins=ORIGINS, facilities=FACILITIES)
    assert as_text.origin_code.tolist() == as_category.origin_code.tolist()
    assert as_text.facility_code.tolist() == as_category.facility_code.tolist()


@pytest.mark.parametrize("share", [0.9, 0.05], ids=["dense", "sparse"])
def test_the_order_of_rows_means_nothing(share: float) -> None:
    rng = np.random.default_rng(4)
    origins, facilities = (
        pd.Index([f"{k}{i}" for i in range(n)]) for k, n in (("o", 90), ("f", 9))
    )
    every = pd.MultiIndex.from_product([origins, facilities], names=["origin", "facility"])
    rows = every.to_frame(index=False).assign(minutes=rng.uniform(0, 60, len(every)))
    rows = rows[rng.uniform(size=len(rows)) < share]
    given = cost_pairs(rows, origins=origins, facilities=facilities)
    mixed = rows.sample(frac=1, random_state=4)
    got = cost_pairs(mixed, origins=origins, facilities=facilities)
    for name in ("origin_code", "facility_code", "minutes"):
        np.testing.assert_array_equal(getattr(got, name), getattr(given, name))
    with pytest.raises(FieldError, match="twice"):
        cost_pairs(pd.concat([mixed, rows[:1]]), origins=origins, facilities=facilities)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (table(("z", "h1", 1)), "among the origins"),
        (table(("a", "h9", 1)), "among the facilities"),
        (table(("a", "h1", -1)), "negative"),
        (table(("a", "h1", 1), ("a", "h1", 2)), "a - h1"),
        (table(("a", "h1", 1)).drop(columns="minutes"), "minutes"),
    ],
)
def test_broken_tables_are_refused(rows: pd.DataFrame, words: str) -> None:
    with pytest.raises(FieldError, match=words):
        cost_pairs(rows, origins=ORIGINS, facilities=FACILITIES)


def test_all_broken_rules_are_told_at_once() -> None:
    with pytest.raises(FieldError) as caught:
        cost_pairs(table(("z", "h9", -1)), origins=ORIGINS, facilities=FACILITIES)
    assert len(caught.value.problems) == 3


def test_an_unsnapped_origin_cannot_have_a_cost() -> None:
    status = pd.Series({"a": "unsnapped"})
    with pytest.raises(FieldError, match="not measurable"):
        cost_pairs(
            table(("a", "h1", 1)), origins=ORIGINS, facilities=FACILITIES, origin_status=status
        )


def test_restricted_keeps_one_variant() -> None:
    rows = table(("a", "h1", 3), ("a", "h2", 9), ("b", "h2", 5))
    pairs = cost_pairs(rows, origins=ORIGINS, facilities=FACILITIES)
    only = pairs.restricted(pd.Series({"h2": True}))
    assert only.facilities.tolist() == ["h2"]
    assert only.facility_code.tolist() == [0, 0]
    assert only.minutes.tolist() == [9, 5]


def test_a_campus_is_reached_through_its_nearest_entrance() -> None:
    rows = table(("a", "e1", 7), ("a", "e2", 4), ("a", "e3", 4), ("b", "e1", 2), ("b", "e2", None))
    campus = pd.Series({"e1": "east", "e2": "east", "e3": "west"})
    grouped = nearest_entrance(rows.sample(frac=1, random_state=3), campus)
    assert grouped.to_dict("list") == {
        "origin": ["a", "a", "b"],
        "facility": ["east", "west", "east"],
        "minutes": [4.0, 4.0, 2.0],
        "entrance": ["e2", "e3", "e1"],
    }


def test_an_entrance_without_a_campus_is_refused() -> None:
    with pytest.raises(FieldError, match="e9"):
        nearest_entrance(table(("a", "e9", 1)), pd.Series({"e1": "east"}))


def test_unknown_supply_takes_the_stated_default() -> None:
    filled = supply_or_default(pd.Series({"h1": 500.0, "h2": np.nan}), default=1.0)
    assert filled["supply"].tolist() == [500.0, 1.0]
    assert filled["supply_basis"].tolist() == ["stated", "default"]
