"""Share the supply of a service among all residents of a city."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from pipeline.measures.catchment_family import CityCatchment, floating_catchment_city
from pipeline.network.place_access import Streets
from pipeline.network.place_kernels import kernels_of
from pipeline.network.place_pairs import pair_means
from pipeline.network.place_people import Dwellers
from pipeline.network.place_runs import Service, Ways, modes_of, runs_of, searches_of

RESIDENTS = "residents"
CATCHMENTS = 2  # kinds of floating catchments, each with a weight for every home and campus


def city_catchments(
    service: Service, streets: Mapping[str, Streets], dwellers: Dwellers
) -> tuple[dict[tuple[str, str, str], CityCatchment], int, float]:
    """Share the supply of each group among all residents, by mode and kernel.

    Gives the runs of campuses in which that was done and the MB that one run would have needed too.
    """
    # Only catchments are wanted of homes: nobody farther takes part.
    rules = service.rules
    limit = max(rules.catchment_min, *rules.stepwise.edges_min)
    near = replace(service, rules=replace(rules, search_limit_min=limit))
    searches = searches_of(dwellers.access, near, streets)
    modes = len(streets) + (dwellers.rail is not None)
    runs, need_mb = runs_of(
        dwellers.access, near, searches, also=CATCHMENTS * modes * len(dwellers.people)
    )
    ways = Ways(streets, searches, dwellers.rail)
    found = [_city_run(near, ways, dwellers, run) for run in runs]
    together = {
        key: CityCatchment(
            np.concatenate([part[key].ratio for part in found]),
            np.sum([part[key].access for part in found], axis=0),
        )
        for key in found[0]
    }
    return together, len(runs), need_mb


def _city_run(
    service: Service, ways: Ways, dwellers: Dwellers, run: slice
) -> dict[tuple[str, str, str], CityCatchment]:
    """Share the supply of a run of campuses."""
    part, homes = service.catalogue.part(run), dwellers.counted
    assert homes is not None  # noqa: S101 - the stage says which campuses serve which homes
    modes = modes_of(dwellers.access, service, ways, run)
    kernels = kernels_of(service.rules, part)
    kept = {name: kernel for name, kernel in kernels.items() if kernel.size is None}
    means = pair_means(
        dwellers.access.drawn,
        part.entrance_xy,
        part.campus,
        modes=modes,
        kernels=dict.fromkeys(modes, kept),
        groups=np.zeros((1, 0, len(part.campuses))),
    )
    return {
        (group, mode, f"{name}_by_{RESIDENTS}"): floating_catchment_city(
            weights[0],
            people=dwellers.people,
            supply=part.supply,
            counted=homes[:, number, run],
        )
        for mode, by_name in means.weights.items()
        for name, weights in by_name.items()
        for number, group in enumerate(part.groups)
        if service.catalogue.counted[:, number].any()
    }
