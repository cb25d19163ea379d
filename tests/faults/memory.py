"""Record the peak memory of every stage of a study in `tests/faults/memory.json`.

python -m tests.faults.memory city FOLDER            generate the large city, run every stage by
                                                     itself, record, write docs/reliability.md
python -m tests.faults.memory city FOLDER --pois 360000 --size 0.1
python -m tests.faults.memory built LABEL WORKSPACE STUDY     record a study that was run before
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import osmium
import pyarrow.parquet as pq

from benchmarks.city.study import write_city
from benchmarks.timing import revision
from pipeline.atomic import atomic_write
from pipeline.engine import restore_study
from pipeline.stages.flow import STAGES
from pipeline.usage import read_usages
from pipeline.workspace import Workspace
from tests.built import PROJECT

RECORD = Path(__file__).with_name("memory.json")
DOCUMENT = PROJECT / "docs" / "reliability.md"
#: What makes an object of OpenStreetMap a point of interest here; a bus stop is one too.
POI_KEYS = ("amenity", "shop", "office", "leisure", "tourism", "healthcare", "craft")
STREET_NODES, POIS = 500_000, 1_000_000


def rows_of(path: Path) -> int:
    """Count the rows of a table; none where there is no such table."""
    return int(pq.read_metadata(path).num_rows) if path.is_file() else 0


def things_of(extract: Path | None) -> Counter[str]:
    """Count the points of interest of an extract, points and areas, and its buildings."""
    found: Counter[str] = Counter()
    if extract is None:
        return found
    keys = osmium.filter.KeyFilter(*POI_KEYS, "highway", "building")
    for one in osmium.FileProcessor(str(extract)).with_filter(keys):
        tags = one.tags
        if tags.get("highway") == "bus_stop" or any(key in tags for key in POI_KEYS):
            found["pois"] += 1
        elif "building" in tags:
            found["buildings"] += 1
    return found


def measured(workspace: Workspace, code: str) -> dict[str, Any]:
    """Give the size of a built study and the peak memory of its stages, in 10^6 bytes."""
    usages = read_usages([workspace.usage(stage.name) for stage in STAGES])
    nodes = [rows_of(path) for path in (workspace.built / "networks").glob("*_nodes.parquet")]
    things = things_of(restore_study(workspace.plan).inputs.osm_extract)
    return {
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "code": code,
        "street_nodes": max(nodes, default=0),
        "pois": things["pois"],
        "buildings": things["buildings"],
        "ordinary_facilities": rows_of(workspace.built / "ingest" / "ordinary.parquet"),
        "places": rows_of(workspace.built / "ingest" / "places.parquet"),
        "peak_mb": {usage.stage: usage.peak_mb for usage in usages},
    }


def record(label: str, workspace: Workspace, code: str) -> None:
    """Add or replace one study."""
    found = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.is_file() else {}
    found[label] = measured(workspace, code)
    atomic_write(RECORD, json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def measure_city(folder: Path, size: float, pois: int) -> None:
    """Generate a city, run its stages one after the other, record their peaks."""
    code = revision(RECORD, DOCUMENT)
    study, root = write_city(folder, size, pois=pois), folder.resolve()
    asked = ["run", "-s", str(study), "-w", str(root), "-j", "1", "--force"]
    subprocess.run([sys.executable, "-m", "pipeline", *asked], check=True)
    record(label_of(size, pois), Workspace(root=root, study=study.stem), code)


def label_of(size: float, pois: int) -> str:
    """Name a generated city in the record."""
    many = f"{round(pois * size):,}"
    return f"生成的城市 {size:g}，{many} 个兴趣点 generated city {size:g}, {many} POIs"


def main() -> None:
    """Measure a city or record a built study, then write the document."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.memory",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    city = kinds.add_parser("city")
    city.add_argument("folder", type=Path)
    city.add_argument("--size", type=float, default=1.0, help="share of the whole city")
    city.add_argument("--pois", type=int, default=POIS, help="points of interest of a whole city")
    built = kinds.add_parser("built")
    built.add_argument("label")
    built.add_argument("workspace", type=Path)
    built.add_argument("study")
    given = parser.parse_args()
    if given.kind == "city":
        measure_city(given.folder, given.size, given.pois)
    else:
        workspace = Workspace(root=given.workspace.resolve(), study=given.study)
        record(given.label, workspace, revision(RECORD, DOCUMENT))
    subprocess.run([sys.executable, "-m", "tests.faults.report"], check=True, cwd=PROJECT)


if __name__ == "__main__":
    main()
