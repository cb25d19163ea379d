"""Time the island stage on fifty parks in two cities with complete streets."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from benchmarks.timing import ROOT, readable
from pipeline.settings.island import IslandSettings
from pipeline.usage import Usage, read_usages
from pipeline.workspace import Workspace

PARKS, SEED = 50, 20260519
SIDES_M = (400.0, 1200.0)
#: Footprints lie where walking streets have at least so many crossings within the radius.
CROSSINGS, NEAR_M = 40, 600.0
LAS_PALMAS = "las_palmas/example_las_palmas_2023_osm_20230221.pbf"


def parkgap(*words: str) -> None:
    """Run the command line."""
    subprocess.run([sys.executable, "-m", "pipeline", *words], cwd=ROOT, check=True)


def footprints(nodes: gpd.GeoDataFrame, *, tier: str, category: str) -> gpd.GeoDataFrame:
    """
    Set rectangles at random where there are streets, none meeting another.

    Parameters
    ----------
    nodes
        Crossings in a projected CRS, metres.
    tier, category
        Codes that the study knows.

    Returns
    -------
    `PARKS` places with polygons in EPSG:4326, boundaries taken for digitised
    """
    rng = np.random.default_rng(SEED)
    points = nodes.geometry.to_numpy()
    near = shapely.STRtree(points)
    chosen: list[shapely.Geometry] = []
    for number in rng.permutation(len(points)):
        sides = rng.uniform(*SIDES_M, 2)
        x, y = shapely.get_coordinates(points[number])[0]
        box = shapely.affinity.rotate(
            shapely.box(x - sides[0] / 2, y - sides[1] / 2, x + sides[0] / 2, y + sides[1] / 2),
            rng.uniform(0, 90),
        )
        around = near.query(points[number], predicate="dwithin", distance=NEAR_M)
        if len(around) < CROSSINGS or any(box.intersects(other) for other in chosen):
            continue
        chosen.append(box)
        if len(chosen) == PARKS:
            break
    ids = [f"B{number:02d}" for number in range(len(chosen))]
    frame = pd.DataFrame(
        {
            "place_id": ids, "name_zh": ids, "name_en": ids, "tier": tier, "category": category,
            "boundary_class": "digitised", "precision_m": 10, "source": "random rectangles",
        }
    )  # fmt: skip
    return gpd.GeoDataFrame(frame, geometry=chosen, crs=nodes.crs).to_crs(4326)


def stage(study: str, name: str, root: Path, *, tier: str, category: str) -> tuple[Usage, str]:
    """Run the island stage of a study on fifty parks; gives its usage and what was tested."""
    parkgap("stage", "networks", "-s", study, "-w", str(root))
    workspace = Workspace(root=root, study=name)
    nodes = gpd.read_parquet(workspace.output("networks", "walk_nodes.parquet"))
    places = root / "parks.gpkg"
    footprints(nodes, tier=tier, category=category).to_file(places, driver="GPKG")
    given = ("-s", study, "-w", str(root), "--set", f"inputs.places={places}")
    parkgap("stage", "island", *given)
    island = pd.read_parquet(workspace.output("island", "island.parquet"))
    tested = island[island["status"].eq("ok") & island["main_ring"]]
    parts = tested.groupby("component")["place_id"].nunique()
    said = ", ".join(f"{part} {count}" for part, count in parts.items())
    used = read_usages([workspace.usage("island")])[0]
    print(f"{name}: {PARKS} parks in {readable(used.cpu_s)} of CPU")
    return used, f"{len(nodes):,} nodes; tested: {said}"


def porto_alegre(shared: Path, root: Path) -> Path:
    """Copy the study of Porto Alegre, to read its data in another folder."""
    copy = root / "studies" / "porto_alegre.yml"
    shutil.copytree(ROOT / "studies" / "porto_alegre", copy.with_suffix(""))
    text = (ROOT / "studies" / "porto_alegre.yml").read_text(encoding="utf-8")
    copy.write_text(text.replace("../../shared", shared.resolve().as_posix()), encoding="utf-8")
    return copy


def section(shared: Path) -> str:
    """Write what the stage takes in both cities as a section of the results."""
    with tempfile.TemporaryDirectory() as folder:
        palmas, alegre = Path(folder) / "palmas", Path(folder) / "alegre"
        parkgap("new", "Las Palmas", "--osm", str(shared / "data" / LAS_PALMAS), "-w", str(palmas))
        made = [
            ("Las Palmas", *stage(
                "las_palmas", "las_palmas", palmas, tier="local", category="industrial_land"
            )),
            ("Porto Alegre", *stage(
                str(porto_alegre(shared, alegre)), "porto_alegre", alegre, tier="zone",
                category="industrial_renewal",
            )),
        ]  # fmt: skip
    return "\n".join(
        [
            f"## Island effect: {PARKS} parks, {IslandSettings().draws} relocations, whole stage",
            "",
            "| city | wall | CPU | peak memory | what was measured |",
            "|---|---|---|---|---|",
            *(
                f"| {city} | {readable(used.wall_s)} | {readable(used.cpu_s)} "
                f"| {used.peak_mb or 0:.0f} MB | {said} |"
                for city, used, said in made
            ),
            "",
            "Rectangles set at random on the streets; all components and ring widths, ranks, draws",
            "and figures are written by one process. A park counts where a component was tested.",
            "",
        ]
    )


if __name__ == "__main__":
    print(section(Path(os.environ["PARKGAP_SHARED"])))
