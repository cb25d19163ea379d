"""A service measured in runs of campuses gives the same figures in a bounded memory."""

from __future__ import annotations

import tracemalloc
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.measures.portions import portions
from pipeline.network.place_access import PlaceAccess, Streets, streets_of
from pipeline.network.place_catalogue import Catalogue, catalogue_of
from pipeline.network.place_kernels import PairRules
from pipeline.network.place_people import dwellers_of
from pipeline.network.place_runs import Service
from pipeline.network.place_services import ServiceAccess, measure_service
from pipeline.settings.decay import ImpedanceSettings, StepwiseSettings
from pipeline.settings.network import NetworkSettings
from pipeline.settings.uncertainty import UncertaintySettings
from tests.network.osm_writing import UTM, lattice_graph

NETWORK = NetworkSettings(extract_is_complete=True)
GRAPH = lattice_graph(15)
CAMPUSES, HOMES = 900, 1200
RULES = PairRules(
    thresholds_min=(10.0, 15.0),
    catchment_min=30.0,
    stepwise=StepwiseSettings(),
    impedance=ImpedanceSettings(),
    search_limit_min=120.0,
    screen_radius_m=500.0,
)


class InTurn(Mapping[str, Streets]):
    """Streets of two modes on one graph, made when asked for; those of before must be gone."""

    def __init__(self, network: NetworkSettings) -> None:
        self.network = network
        self.last: Callable[[], Streets | None] = lambda: None

    def __getitem__(self, mode: str) -> Streets:
        """Make the streets."""
        assert self.last() is None
        made = streets_of(mode, GRAPH, self.network)
        self.last = weakref.ref(made)
        return made

    def __iter__(self) -> Iterator[str]:
        """List the modes."""
        return iter(["cycle", "walk"])

    def __len__(self) -> int:
        """Count the modes."""
        return 2


def measured(memory_mb: float) -> tuple[ServiceAccess, float]:
    """Measure 900 campuses from a park and 1,200 homes; gives the peak of memory in MB too."""
    rng = np.random.default_rng(4)
    park = gpd.GeoDataFrame(
        {
            "boundary_class": ["surveyed"], "planned_area_km2": [np.nan], "precision_m": [np.nan],
            "x": [0.0], "y": [0.0], "same_site_as": None, "district_zh": ["甲区"],
        },
        index=pd.Index(["A"], name="place_id"),
        geometry=[shapely.box(-700, -700, 700, 700)], crs=UTM,
    )  # fmt: skip
    network = NETWORK.model_copy(update={"matrix_memory_mb": memory_mb})
    access = PlaceAccess(park, network, UncertaintySettings(), 1)
    homes = gpd.GeoDataFrame(
        {"cell_id": np.arange(HOMES).astype(str), "residents": 10.0},
        geometry=shapely.points(rng.uniform(-1500, 1500, (HOMES, 2))), crs=UTM,
    )  # fmt: skip
    districts = gpd.GeoDataFrame({"district_zh": ["甲区"]}, geometry=park.geometry.array, crs=UTM)
    campus = np.array([f"c{number:04d}" for number in range(CAMPUSES)])
    table = gpd.GeoDataFrame(
        {"facility_id": campus, "campus_id": campus, "supply": np.nan, "v_all": True,
         "v_few": np.arange(CAMPUSES) % 7 == 0},
        geometry=shapely.points(rng.uniform(-1500, 1500, (CAMPUSES, 2))), crs=UTM,
    )  # fmt: skip

    def listed(whom: pd.DataFrame) -> Catalogue:
        return catalogue_of(
            table, whom, variants=["all", "few"], by_admission=[], default_supply=1.0
        )

    dwellers = dwellers_of(homes, districts, access, kind="residents")
    assert dwellers is not None
    dwellers = replace(dwellers, counted=listed(dwellers.homes).counted)
    service = Service("school", None, listed(access.places), RULES, {})
    streets = InTurn(network)
    tracemalloc.start()
    found = measure_service(access, service, streets, None, [dwellers])
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return found, peak


def test_runs_of_campuses_change_no_figure_and_hold_the_memory() -> None:
    whole, whole_mb = measured(1e4)
    parts, parts_mb = measured(4.0)
    assert whole.runs == 1
    assert parts.runs == pytest.approx(whole.need_mb / 4.0, abs=1.0)
    assert parts.need_mb == whole.need_mb > 25
    assert list(dict.fromkeys(one.mode for one in whole.found)) == [
        "cycle",
        "walk",
        "straight_line",
    ]
    for one, other in zip(whole.found, parts.found, strict=True):
        assert (one.variant, one.mode, one.measure) == (other.variant, other.mode, other.measure)
        np.testing.assert_allclose(other.draws, one.draws, rtol=1e-9)
        assert np.isfinite(one.draws).all()
    for key, access in whole.city.items():
        np.testing.assert_allclose(parts.city[key], access, rtol=1e-9)
    assert whole_mb > 50
    assert parts_mb < whole_mb / 2


def test_portions_fit_the_memory_and_cover_everything() -> None:
    found = portions(100, bytes_each=2**20, most_mb=8.0)
    assert [one.stop - one.start for one in found] == [8] * 12 + [4]
    assert found[-1].stop == 100
    assert portions(0, bytes_each=1.0, most_mb=1.0) == [slice(0, 0)]
    assert len(portions(5, bytes_each=1e12, most_mb=1.0)) == 5
