"""Measure how parkgap grows and write docs/scale.md, where every figure is measured or computed.

python -m benchmarks.scale city 0.1 1 --folder build/scale   generate, run, record
python -m benchmarks.scale parcels 1000000 --folder build/scale
python -m benchmarks.scale cities 20 docs/cluster/slurm.yml --folder build/cities
python -m benchmarks.scale clock                             the embedded study, three runs each
python -m benchmarks.scale render                            the page from what is recorded
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import math
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import pyarrow.parquet as pq

from benchmarks.city.plane import read_parameters
from benchmarks.city.study import write_city
from benchmarks.parcels import write_parcels
from benchmarks.scale_cities import run_cities
from benchmarks.scale_clock import run_clock
from benchmarks.scale_plot import growth_plot
from benchmarks.timing import ROOT, machine, revision
from benchmarks.whole_run import WholeRun, run_whole
from pipeline.stages.flow import STAGES
from pipeline.usage import read_usages
from pipeline.workspace import Workspace

RECORD = ROOT / "benchmarks" / "scale.json"
TEMPLATE = ROOT / "benchmarks" / "scale.md.j2"
PAGE, PLOT = ROOT / "docs" / "scale.md", ROOT / "docs" / "scale.svg"
PARCEL_CELL_M = 30_000


def run_city(size: float, folder: Path) -> None:
    """Generate a city, run all its stages on two cores, record what they took."""
    study = write_city(folder / f"{size:g}", size)
    root = folder / f"{size:g}"
    command = ["run", "-s", str(study), "-w", str(root), "-j", "2", "--force"]
    whole = run_whole([sys.executable, "-m", "pipeline", *command])
    _record_city(size, root, study.stem, whole)


def _record_city(size: float, root: Path, study: str, whole: WholeRun) -> None:
    """Record what the stages of a built city took, and the whole run."""
    workspace, given = Workspace(root=root, study=study), read_parameters()
    usages = read_usages([workspace.usage(stage.name) for stage in STAGES])
    streets = pd.read_parquet(workspace.output("networks", "streets.parquet")).set_index("mode")
    things = given["buildings"] + sum(kind["count"] for kind in given["pois"])
    places = pq.read_metadata(workspace.output("ingest", "places.parquet")).num_rows
    entry = {
        "size": size,
        "places": places,
        "walk_nodes": int(streets.loc["walk", "nodes"]),
        "things": round(things * size),
        "stages": {usage.stage: [usage.cpu_s, usage.peak_mb] for usage in usages},
        **asdict(whole),
    }
    _record("city", entry, key="size")


def run_parcels(count: int, folder: Path) -> None:
    """Write a table of parcels and judge it in parts on two cores."""
    folder.mkdir(parents=True, exist_ok=True)
    write_parcels(folder / "parcels.parquet", count)
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "pipeline", "parcel-parts", "run", str(folder / "parcels.parquet"),
         "--out", str(folder / "parcels"), "--cell-m", str(PARCEL_CELL_M), "-j", "2"], check=True,
    )  # fmt: skip
    record_parcels(folder / "parcels", time.perf_counter() - start)


def record_parcels(out: Path, elapsed_s: float) -> None:
    """Record a judged table of parcels."""
    parts = sorted((out / "judged").glob("*.parquet"))
    totals = pd.read_parquet(out / "totals.parquet")
    whole = totals[totals["level"].eq("all")].iloc[0]
    entry = {
        "parcels": sum(pq.read_metadata(part).num_rows for part in parts),
        "parts": len(parts),
        "most_in_a_part": max(pq.read_metadata(part).num_rows for part in parts),
        "elapsed_s": elapsed_s,
        "far": float(whole["far"]),
    }
    _record("parcels", entry, key="parcels")


def _record(kind: str, entry: dict[str, Any], *, key: str) -> None:
    known = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    entry |= {
        "code": revision(RECORD, PAGE, PLOT),
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "machine": machine(),
    }
    rest = [one for one in known.get(kind, []) if one[key] != entry[key]]
    known[kind] = sorted([*rest, entry], key=lambda one: one[key])
    RECORD.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def render() -> None:
    """Write the page and its plot from what is recorded."""
    known = json.loads(RECORD.read_text(encoding="utf-8"))
    cities = known.get("city", [])
    for city in cities:
        city["cpu_s"] = sum(cpu for cpu, _ in city["stages"].values())
        city["peak_mb"] = max(peak for _, peak in city["stages"].values())
        city["missing"] = [stage.name for stage in STAGES if stage.name not in city["stages"]]
    template = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE.parent),
        autoescape=False,  # noqa: S701 - Markdown of the project's own figures
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    ).get_template(TEMPLATE.name)
    page = template.render(
        cities=cities,
        stages=[stage.name for stage in STAGES],
        parcels=known.get("parcels", []),
        many=known.get("many", []),
        clock=known.get("clock", []),
        growth=_growth(cities),
        zones=_zones(cities),
        machine=cities[-1]["machine"],
    )
    PAGE.write_text(page, encoding="utf-8")
    points = [(one["walk_nodes"], one["cpu_s"], one["peak_mb"]) for one in cities]
    PLOT.write_text(growth_plot(points), encoding="utf-8")


def _growth(cities: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Tell how the cost of the stages that both ran grows from a smaller city to the largest."""
    if len(cities) < 2:
        return None
    small, big = cities[-2], cities[-1]
    both = [name for name in big["stages"] if name in small["stages"]]
    cpu = [sum(city["stages"][name][0] for name in both) for city in (small, big)]
    nodes = big["walk_nodes"] / small["walk_nodes"]
    return {
        "small": small["size"],
        "big": big["size"],
        "nodes": nodes,
        "cpu": cpu[1] / cpu[0],
        "exponent": math.log(cpu[1] / cpu[0]) / math.log(nodes),
        "stages": {
            name: math.log(big["stages"][name][0] / small["stages"][name][0]) / math.log(nodes)
            for name in both
        },
    }


def _zones(cities: list[dict[str, Any]]) -> dict[str, Any]:
    """Work out what all development zones would take: in small cities, and in large ones."""
    whole = [one for one in cities if not one["missing"]]
    given = read_parameters()
    zones, parks = given["country_zones"], given["country_parks_per_city"]
    small = min(whole, key=lambda one: abs(one["places"] - parks))
    ways = []
    for unit in (small, *(one for one in whole if one["size"] > small["size"])):
        count = math.ceil(zones / unit["places"])
        ways.append({"unit": unit, "count": count, "hours": count * unit["cpu_s"] / 3600})
    return {"zones": zones, "parks": parks, "ways": ways}


def main() -> None:
    """Measure, record or render."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("what", choices=["city", "parcels", "cities", "clock", "render"])
    parser.add_argument("given", nargs="*")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "scale")
    options = parser.parse_args()
    if options.what == "cities":
        entry = run_cities(int(options.given[0]), options.folder, Path(options.given[1]))
        _record("many", entry, key="cities")
    if options.what == "clock":
        for case in run_clock(options.folder / "clock"):
            _record("clock", case, key="order")
    for value in options.given if options.what in {"city", "parcels"} else ():
        if options.what == "city":
            run_city(float(value), options.folder)
        else:
            run_parcels(int(value), options.folder)
    render()


if __name__ == "__main__":
    main()
