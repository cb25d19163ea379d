"""Hold floating catchments to closed forms, an independent package and the laws of the method."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import FieldError, MeasureError
from pipeline.measures.access_impedance import truncated_gaussian_weight
from pipeline.measures.access_pairs import CostPairs, cost_pairs
from pipeline.measures.catchment_family import (
    FloatingCatchment,
    floating_catchment_gaussian,
    floating_catchment_stepwise,
    require_conservation,
)

CUTOFF_MIN = 30.0


@dataclasses.dataclass(frozen=True)
class Case:
    """A city of random demand, supply and costs."""

    table: pd.DataFrame
    demand: pd.Series[float]
    supply: pd.Series[float]

    def pairs(self) -> CostPairs:
        """Give the costs in canonical form."""
        return cost_pairs(self.table, origins=self.demand.index, facilities=self.supply.index)

    def gaussian(self, cutoff_min: float = CUTOFF_MIN) -> FloatingCatchment:
        """Run the gaussian method on the case."""
        return floating_catchment_gaussian(
            self.pairs(), demand=self.demand, supply=self.supply, cutoff_min=cutoff_min
        )


def random_case(seed: int, origins: int = 40, facilities: int = 8) -> Case:
    rng = np.random.default_rng(seed)
    demand = pd.Series(rng.integers(0, 500, origins).astype(float), index=np.arange(origins))
    supply = pd.Series(rng.uniform(0, 50, facilities), index=np.arange(1000, 1000 + facilities))
    table = pd.MultiIndex.from_product([demand.index, supply.index]).to_frame(index=False)
    table.columns = pd.Index(["origin", "facility"])
    table["minutes"] = np.round(rng.uniform(0, 90, len(table)), 1)
    return Case(table.sample(frac=0.7, random_state=seed), demand, supply)


seeds = st.integers(0, 10_000)


def test_two_places_one_hospital_by_hand() -> None:
    table = pd.DataFrame({"origin": ["a", "b"], "facility": "h", "minutes": [0.0, 15.0]})
    demand, supply = pd.Series({"a": 100.0, "b": 50.0}), pd.Series({"h": 10.0})
    half = (np.exp(-1 / 8) - np.exp(-1 / 2)) / (1 - np.exp(-1 / 2))
    got = Case(table, demand, supply).gaussian().access["access"]
    ratio = 10 / (100 + 50 * half)
    assert got.tolist() == pytest.approx([ratio, ratio * half], rel=1e-14)


def test_a_place_that_reaches_nobody_has_no_access_and_says_so() -> None:
    table = pd.DataFrame({"origin": ["a", "b"], "facility": "h", "minutes": [5.0, 30.1]})
    demand = pd.Series({"a": 1.0, "b": 1.0, "c": 1.0})
    pairs = cost_pairs(
        table,
        origins=demand.index,
        facilities=pd.Index(["h"]),
        origin_status=pd.Series({"c": "unsnapped"}),
    )
    got = floating_catchment_gaussian(
        pairs, demand=demand, supply=pd.Series({"h": 1.0}), cutoff_min=30
    ).access
    assert got["status"].tolist() == ["ok", "beyond_limit", "unsnapped"]
    assert got["access"].tolist()[:2] == [1.0, 0.0]
    assert np.isnan(got.loc["c", "access"])
    assert got["reached"].tolist()[:2] == [1.0, 0.0]


def test_a_facility_at_exactly_the_cutoff_is_reached() -> None:
    table = pd.DataFrame({"origin": ["a", "b"], "facility": "h", "minutes": [30.0, 30.0001]})
    case = Case(table, pd.Series({"a": 4.0, "b": 1.0}), pd.Series({"h": 8.0}))
    gaussian = case.gaussian().access  # its weight is 0 there: reached, but it counts nothing
    assert gaussian["status"].tolist() == ["ok", "beyond_limit"]
    assert gaussian["access"].tolist() == [0, 0]
    plain = floating_catchment_stepwise(
        case.pairs(), demand=case.demand, supply=case.supply, edges_min=(30,), weights=(1,)
    ).access
    assert plain["access"].tolist() == [2, 0]
    assert plain["reached"].tolist() == [1, 0]


def test_a_hospital_nobody_reaches_gives_nothing_and_says_so() -> None:
    table = pd.DataFrame({"origin": ["a"], "facility": ["h1"], "minutes": [5.0]})
    supply = pd.Series({"h1": 3.0, "h2": 7.0})
    got = Case(table, pd.Series({"a": 2.0}), supply).gaussian()
    assert got.facilities["status"].tolist() == ["ok", "no_demand"]
    assert np.isnan(got.facilities.loc["h2", "ratio"])
    assert got.access.loc["a", "access"] == pytest.approx(1.5)


def test_null_demand_is_refused_not_taken_for_zero() -> None:
    case = random_case(1)
    hollow = dataclasses.replace(case, demand=case.demand.mask(case.demand.index == 3))
    with pytest.raises(FieldError, match="demand has 1 null"):
        hollow.gaussian()


def test_a_broken_balance_is_a_defect() -> None:
    people, supply = np.array([10.0, 20.0]), np.array([5.0])
    require_conservation(people, np.array([0.1, 0.2]), supply)
    with pytest.raises(MeasureError, match="does not conserve"):
        require_conservation(people, np.array([0.1, 0.2 * (1 + 1e-8)]), supply)
    with pytest.raises(MeasureError):
        require_conservation(people, np.array([np.nan, 0.2]), supply)


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("form", ["gaussian", "stepwise", "plain"])
def test_agrees_with_the_pysal_access_package(seed: int, form: str) -> None:
    from access import fca, weights

    case = random_case(seed)
    edges, steps = (10.0, 20.0, 30.0), (1.0, 0.68, 0.22)
    if form == "gaussian":
        ours = case.gaussian()

        def weight(minutes: float) -> float:
            return float(truncated_gaussian_weight(np.array([minutes]), cutoff_min=CUTOFF_MIN)[0])
    elif form == "stepwise":
        ours = floating_catchment_stepwise(
            case.pairs(), demand=case.demand, supply=case.supply, edges_min=edges, weights=steps
        )
        weight = weights.step_fn(dict(zip(edges, steps, strict=True)))
    else:
        ours = floating_catchment_stepwise(
            case.pairs(), demand=case.demand, supply=case.supply, edges_min=(30,), weights=(1,)
        )
        weight = None
    theirs = fca.two_stage_fca(
        case.demand.rename("demand").rename_axis("geoid").reset_index(),
        case.supply.to_frame("supply"),
        case.table.rename(columns={"facility": "dest", "minutes": "cost"}),
        max_cost=CUTOFF_MIN,
        weight_fn=weight,
    )
    expected = theirs.reindex(case.demand.index).fillna(0.0)
    np.testing.assert_allclose(ours.access["access"], expected, rtol=1e-9, atol=0)


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_supply_is_conserved(seed: int) -> None:
    case = random_case(seed)
    got = case.gaussian()
    served = got.facilities["status"] == "ok"
    received = (case.demand * got.access["access"]).sum()
    assert received == pytest.approx(case.supply[served].sum(), rel=1e-9)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_the_order_of_rows_changes_nothing_at_all(seed: int) -> None:
    case = random_case(seed)
    shuffled = dataclasses.replace(case, table=case.table.sample(frac=1, random_state=seed + 1))
    pd.testing.assert_frame_equal(
        case.gaussian().access, shuffled.gaussian().access, check_exact=True
    )


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_units_of_time_change_nothing(seed: int) -> None:
    case = random_case(seed)
    seconds = dataclasses.replace(case, table=case.table.assign(minutes=case.table["minutes"] * 60))
    np.testing.assert_allclose(
        case.gaussian().access["access"],
        seconds.gaussian(CUTOFF_MIN * 60).access["access"],
        rtol=1e-9,
        atol=1e-15,
    )


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_splitting_a_supplier_into_halves_changes_no_access(seed: int) -> None:
    case = random_case(seed)
    first = case.supply.index[0]
    twin = case.table[case.table["facility"] == first].assign(facility=9999)
    halved = case.supply.copy()
    halved[first] /= 2
    halved.loc[9999] = halved[first]
    split = Case(pd.concat([case.table, twin]), case.demand, halved)
    np.testing.assert_allclose(
        case.gaussian().access["access"], split.gaussian().access["access"], rtol=1e-9, atol=1e-15
    )


@given(seeds, st.floats(0.01, 1000))
@settings(max_examples=20, deadline=None)
def test_access_scales_with_supply_and_against_demand(seed: int, factor: float) -> None:
    case = random_case(seed)
    base = case.gaussian().access["access"]
    more = dataclasses.replace(case, supply=case.supply * factor).gaussian().access["access"]
    np.testing.assert_allclose(more, base * factor, rtol=1e-9, atol=0)
    crowded = dataclasses.replace(case, demand=case.demand * factor).gaussian().access["access"]
    np.testing.assert_allclose(crowded, base / factor, rtol=1e-9, atol=0)
