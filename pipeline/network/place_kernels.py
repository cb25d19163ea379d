"""State by which weights of travel time the measures of a service are made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.measures.access_impedance import (
    impedance_weight,
    stepwise_weight,
    truncated_gaussian_weight,
)
from pipeline.measures.uncertainty import THRESHOLD_SLACK
from pipeline.network.place_catalogue import Catalogue
from pipeline.network.place_pairs import Kernel
from pipeline.settings.decay import ImpedanceSettings, StepwiseSettings


@dataclass(frozen=True)
class PairRules:
    """What is measured over pairs of places and campuses, and how."""

    thresholds_min: tuple[float, ...]
    catchment_min: float
    stepwise: StepwiseSettings
    impedance: ImpedanceSettings
    search_limit_min: float
    screen_radius_m: float | None


def kernels_of(rules: PairRules, catalogue: Catalogue) -> dict[str, Kernel]:
    """List the weights of minutes by the name of the measure that they make."""
    sizes = np.broadcast_to(
        catalogue.supply, (len(catalogue.groups), len(catalogue.campuses))
    ).astype(np.float64)
    kernels = {
        f"count_within_{limit:g}min": within(limit, catalogue) for limit in rules.thresholds_min
    }
    kernels["gravity"] = Kernel(
        lambda minutes: np.where(
            minutes <= rules.search_limit_min,
            impedance_weight(minutes, impedance=rules.impedance),
            0.0,
        ),
        beyond_min=rules.search_limit_min,
        size=sizes,
    )
    kernels["access_2sfca_gaussian"] = Kernel(
        lambda minutes: truncated_gaussian_weight(minutes, cutoff_min=rules.catchment_min),
        beyond_min=rules.catchment_min,
    )
    edges = rules.stepwise.edges_min
    kernels["access_2sfca_stepwise"] = Kernel(
        lambda minutes: stepwise_weight(minutes, edges_min=edges, weights=rules.stepwise.weights),
        beyond_min=max(edges),
        steps_min=tuple(edges),
    )
    return kernels


def within(limit: float, catalogue: Catalogue) -> Kernel:
    """Count what lies within a limit, inclusive but for rounding."""
    top = limit * (1.0 + THRESHOLD_SLACK)
    return Kernel(
        lambda minutes: (minutes <= top).astype(np.float64),
        beyond_min=top,
        steps_min=(top,),
        size=np.ones((len(catalogue.groups), len(catalogue.campuses))),
    )


def cutoff_of(name: str, rules: PairRules) -> float:
    """Give the minutes within which all campuses must be known for a figure to be whole."""
    if name.startswith("count_within_") and name.endswith("min"):
        return float(name.removeprefix("count_within_").removesuffix("min"))
    if name == "access_2sfca_gaussian":
        return rules.catchment_min
    if name == "access_2sfca_stepwise":
        return max(rules.stepwise.edges_min)
    return rules.search_limit_min
