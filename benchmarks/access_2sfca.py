"""Set the floating catchment against pysal's access package at one million pairs."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from access import fca

from benchmarks.timing import readable
from pipeline.measures.access_impedance import truncated_gaussian_weight
from pipeline.measures.access_pairs import cost_pairs
from pipeline.measures.catchment_family import floating_catchment_gaussian

ORIGINS, FACILITIES = 10_000, 100
CUTOFF_MIN = 30.0
REPEATS = 3


def city() -> tuple[pd.DataFrame, pd.Series[float], pd.Series[float]]:
    """Make a city of text ids with every pair of origins and facilities, in random order."""
    rng = np.random.default_rng(1)
    demand = pd.Series(
        rng.integers(1, 900, ORIGINS).astype(float), index=[f"cell-{i}" for i in range(ORIGINS)]
    )
    supply = pd.Series(
        rng.uniform(1, 900, FACILITIES), index=[f"campus-{i}" for i in range(FACILITIES)]
    )
    pairs = pd.MultiIndex.from_product([demand.index, supply.index], names=["origin", "facility"])
    table = pairs.to_frame(index=False).assign(minutes=rng.uniform(0, 60, len(pairs)))
    return table.sample(frac=1.0, random_state=1).reset_index(drop=True), demand, supply


def gaussian(minutes: float) -> float:
    """Weigh one time, the way the other package asks for it."""
    floor = np.exp(-0.5)
    return float((np.exp(-0.5 * (minutes / CUTOFF_MIN) ** 2) - floor) / (1.0 - floor))


def best_of(task: Callable[[], pd.Series[float]]) -> tuple[float, pd.Series[float]]:
    """Run a task a few times and keep the shortest time."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        result = task()
        times.append(time.perf_counter() - start)
    return min(times), result


def run() -> dict[str, float]:
    """Time both on the same million pairs and compare their results.

    Returns
    -------
    dict
        Seconds of each, the ratios of time (with and without bringing the table into canonical
        form) and the largest relative difference of access.
    """
    table, demand, supply = city()
    pairs = cost_pairs(table, origins=demand.index, facilities=supply.index)

    def from_pairs() -> pd.Series[float]:
        result = floating_catchment_gaussian(
            pairs, demand=demand, supply=supply, cutoff_min=CUTOFF_MIN
        )
        return result.access["access"]

    def from_table() -> pd.Series[float]:
        fresh = cost_pairs(
            table, origins=demand.index, facilities=supply.index, limit_min=CUTOFF_MIN
        )
        result = floating_catchment_gaussian(
            fresh, demand=demand, supply=supply, cutoff_min=CUTOFF_MIN
        )
        return result.access["access"]

    people = demand.rename("demand").rename_axis("geoid").reset_index()
    size = supply.to_frame("supply")
    renamed = table.rename(columns={"facility": "dest", "minutes": "cost"})

    def peer() -> pd.Series[float]:
        return fca.two_stage_fca(people, size, renamed, max_cost=CUTOFF_MIN, weight_fn=gaussian)

    pairs_s, ours = best_of(from_pairs)
    table_s, _ = best_of(from_table)
    peer_s, theirs = best_of(peer)
    expected = theirs.reindex(demand.index).fillna(0.0)
    difference = float((np.abs(ours - expected) / expected).max())
    weights = truncated_gaussian_weight(np.array([12.0]), cutoff_min=CUTOFF_MIN)[0]
    if difference > 1e-9 or not np.isclose(weights, gaussian(12.0), rtol=1e-12):
        msg = f"the two packages differ by {difference:.3g}"
        raise AssertionError(msg)
    return {
        "pairs": float(len(table)),
        "parkgap_from_pairs_s": pairs_s,
        "parkgap_from_table_s": table_s,
        "pysal_access_s": peer_s,
        "ratio_from_pairs": peer_s / pairs_s,
        "ratio_from_table": peer_s / table_s,
        "largest_relative_difference": difference,
    }


def section() -> str:
    """Write the comparison as a section of the results."""
    found = run()
    rows = (
        ("parkgap, pairs in canonical form", "parkgap_from_pairs_s"),
        ("parkgap, from a table of text ids in any order", "parkgap_from_table_s"),
        ("pysal/access", "pysal_access_s"),
    )
    own = found["parkgap_from_pairs_s"]
    return "\n".join(
        [
            "## Two-step floating catchment, one million pairs",
            "",
            "| | fastest of three | times parkgap |",
            "|---|---|---|",
            *(
                f"| {name} | {readable(found[key])} | {found[key] / own:.1f} |"
                for name, key in rows
            ),
            "",
            f"Largest relative difference of results: {found['largest_relative_difference']:.1e}.",
            "",
        ]
    )


if __name__ == "__main__":
    print(section())
