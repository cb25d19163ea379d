"""Set the null model by relocation against the plain way: one overlay for each draw."""

from __future__ import annotations

import time

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from benchmarks.timing import readable
from pipeline.measures.island_city import City, build_city, urban_land
from pipeline.measures.island_grid import GridFrame
from pipeline.measures.island_null import Positions
from pipeline.measures.island_places import measure_contrast
from pipeline.measures.island_ring import GeometryArray, sample_footprint
from pipeline.settings.island import IslandSettings

PARKS, SIDE_M, CELLS = 10, 1500.0, 120
NAIVE_DRAWS = 12
RING_M = 800.0


def generated() -> tuple[GridFrame, dict[str, np.ndarray], gpd.GeoDataFrame]:
    """Make a city of 60 x 60 km with seven kinds of facilities, and parks at random."""
    rng = np.random.default_rng(3)
    grid = GridFrame(0.0, 0.0, 500.0, CELLS, CELLS)
    names = ("finance", "health", "parks", "schools", "shops", "sport", "stops")
    counts = {name: rng.poisson(2.0, grid.shape).astype(float) for name in names}
    middle = rng.uniform(5000, CELLS * 500 - 5000, (PARKS, 2))
    half = SIDE_M / 2
    boxes = shapely.box(*(middle - half).T, *(middle + half).T)
    parks = gpd.GeoDataFrame(
        {"place_id": [f"P{i:02d}" for i in range(PARKS)], "precision_m": 0.0,
         "boundary_class": "surveyed"},
        geometry=boxes, crs=32651,
    )  # fmt: skip
    return grid, counts, parks


def overlay_counts(
    cells: gpd.GeoDataFrame, shape: shapely.Geometry, parks: shapely.Geometry
) -> pd.DataFrame:
    """Intersect every cell with a footprint and its ring and add up, as a GIS user would."""
    ring = shapely.difference(shapely.buffer(shape, RING_M), shapely.union(shape, parks))
    zones = gpd.GeoDataFrame({"zone": ["inside", "ring"]}, geometry=[shape, ring], crs=cells.crs)
    met = gpd.overlay(cells, zones, how="intersection", keep_geom_type=True)
    share = met.area / (500.0**2)
    counted = met.drop(columns=["geometry", "zone"]).multiply(share, axis=0)
    summed: pd.DataFrame = counted.groupby(met["zone"]).sum()
    return summed


def moved(shape: shapely.Geometry, at: Positions, number: int) -> shapely.Geometry:
    """Turn and move a footprint to one of its relocations."""
    turned = shapely.affinity.rotate(shape, at.angle_rad[number], origin=(0, 0), use_radians=True)
    return shapely.affinity.translate(turned, at.x_m[number], at.y_m[number])


def naive(grid: GridFrame, counts: dict[str, np.ndarray], parks: gpd.GeoDataFrame) -> float:
    """Give the seconds one draw of one park takes by overlay, cells found by index."""
    flat = np.arange(grid.rows * grid.columns)
    layers = {name: layer.ravel() for name, layer in counts.items()}
    cells = gpd.GeoDataFrame(layers, geometry=grid.boxes(flat), crs=parks.crs)
    _ = cells.sindex
    others = shapely.union_all(parks.geometry.to_numpy()[1:])
    footprint = sample_footprint(parks.geometry.iloc[0], ring_widths_m=(RING_M,), points=100)
    rng = np.random.default_rng(5)
    x, y = rng.uniform(5000, CELLS * 500 - 5000, (2, NAIVE_DRAWS))
    at = Positions(x, y, rng.uniform(0, 6.28, NAIVE_DRAWS))
    start = time.perf_counter()
    for number in range(NAIVE_DRAWS):
        shape = moved(footprint.shape, at, number)
        near = cells.iloc[cells.sindex.query(shapely.buffer(shape, RING_M))]
        overlay_counts(near, shape, others)
    return (time.perf_counter() - start) / NAIVE_DRAWS


def difference(grid: GridFrame, counts: dict[str, np.ndarray], parks: gpd.GeoDataFrame) -> float:
    """Give the median relative difference of counts inside and around between the two ways."""
    city = _city(grid, counts, parks.geometry.to_numpy())
    footprint = sample_footprint(parks.geometry.iloc[0], ring_widths_m=(RING_M,), points=600)
    rng = np.random.default_rng(5)
    x, y = rng.uniform(5000, CELLS * 500 - 5000, (2, 20))
    at = Positions(x, y, rng.uniform(0, 6.28, 20))
    nowhere = np.zeros(len(city.parks), dtype=bool)
    read = city.exposure(footprint, x_m=at.x_m, y_m=at.y_m, angle_rad=at.angle_rad, blocked=nowhere)
    off = []
    for number in range(20):
        exact, _ = city.within(moved(footprint.shape, at, number))
        off.append(np.abs(read.inside[number] / exact - 1.0))
    return float(np.median(off))


def _city(grid: GridFrame, counts: dict[str, np.ndarray], parks: GeometryArray) -> City:
    everywhere = np.ones(grid.shape)
    middle = CELLS * 250.0
    return build_city(
        grid=grid, facilities=counts, land_share=everywhere, eligible=everywhere > 0, parks=parks,
        fine_cell_m=100.0, centre_xy_m=(middle, middle),
    )  # fmt: skip


def run() -> dict[str, float]:
    """Time both per draw of one park, with three rings here and one ring by overlay.

    Returns
    -------
    dict
        Milliseconds per draw of each (proposals that were rejected, the ranking and the exact
        observed values included here), their ratio, and the median relative difference of counts.
    """
    grid, counts, parks = generated()
    settings = IslandSettings()
    everywhere = np.ones(grid.shape)
    serving = np.sum([counts[name] for name in settings.people_serving], axis=0)
    eligible = urban_land(
        grid, people_serving=serving, land_share=everywhere, radius_m=settings.urban_radius_m,
        min_count=settings.urban_min_count, max_water_share=settings.max_water_share,
    )  # fmt: skip
    start = time.perf_counter()
    measure_contrast(
        parks, grid=grid, facilities=counts, land_share=everywhere, eligible=eligible,
        density=counts["stops"], centre_xy_m=(CELLS * 250.0, CELLS * 250.0), settings=settings,
    )  # fmt: skip
    own = (time.perf_counter() - start) / (PARKS * settings.draws)
    plain = naive(grid, counts, parks)
    return {
        "relocation_ms_per_draw": own * 1000,
        "overlay_ms_per_draw": plain * 1000,
        "ratio": plain / own,
        "median_relative_difference": difference(grid, counts, parks),
    }


def section() -> str:
    """Write the comparison as a section of the results."""
    found = run()
    return "\n".join(
        [
            "## Null model: one draw of one park (7 categories, cells of 500 m, 60 x 60 km)",
            "",
            "| | per draw | times parkgap |",
            "|---|---|---|",
            f"| parkgap, three rings | {readable(found['relocation_ms_per_draw'] / 1000)} | 1.0 |",
            (
                f"| geopandas overlay, one ring | {readable(found['overlay_ms_per_draw'] / 1000)} "
                f"| {found['ratio']:.0f} |"
            ),
            "",
            (
                "Median relative difference of a count inside to the exact overlay: "
                f"{found['median_relative_difference']:.3f}."
            ),
            "",
        ]
    )


if __name__ == "__main__":
    print(section())
