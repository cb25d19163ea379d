"""Share the supply of a service among all residents, or all workers, of a city."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from pipeline.measures.catchment_family import CityCatchment, floating_catchment_city
from pipeline.network.place_access import Streets
from pipeline.network.place_kernels import kernels_of
from pipeline.network.place_pairs import pair_means
from pipeline.network.place_people import Dwellers
from pipeline.network.place_runs import Service, Ways, modes_of, searches_of

#: By kind of people, group, mode and measure.
Shares = dict[tuple[str, str, str, str], CityCatchment]
CATCHMENTS = 2  # kinds of floating catchments, each with a weight for every home and campus


class CityShares:
    """The homes of a city, prepared to share the supply of runs of campuses."""

    def __init__(
        self, service: Service, streets: Mapping[str, Streets], dwellers: Dwellers
    ) -> None:
        # Only catchments are wanted of homes: nobody farther takes part.
        rules = service.rules
        limit = max(rules.catchment_min, *rules.stepwise.edges_min)
        self._service = replace(service, rules=replace(rules, search_limit_min=limit))
        self._dwellers = dwellers
        searches = searches_of(dwellers.access, self._service, streets)
        self._ways = Ways(streets, searches, dwellers.rail)

    @property
    def numbers_each(self) -> int:
        """How many numbers are held of each campus at once."""
        modes = len(self._ways.streets) + (self._ways.rail is not None)
        return self._ways.rows + CATCHMENTS * modes * len(self._dwellers.people)

    def run(self, run: slice) -> Shares:
        """Share the supply of a run of campuses."""
        return _city_run(self._service, self._ways, self._dwellers, run)


def joined_shares(runs: Sequence[Shares]) -> Shares:
    """Add up what runs of campuses give to homes."""
    return {
        key: CityCatchment(
            np.concatenate([part[key].ratio for part in runs]),
            np.sum([part[key].access for part in runs], axis=0),
        )
        for key in runs[0]
    }


def _city_run(service: Service, ways: Ways, dwellers: Dwellers, run: slice) -> Shares:
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
        (dwellers.kind, group, mode, f"{name}_by_{dwellers.kind}"): floating_catchment_city(
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
