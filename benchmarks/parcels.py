"""Judge a million parcels in parts: time, memory, and the same answer as in one piece."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path
from typing import Self

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from pipeline.settings.parcels import find_rules
from pipeline.sources.parcel_parts import split_parcels
from pipeline.sources.parcel_rules import read_rules
from pipeline.sources.synthetic_parcels import synthetic_zone
from pipeline.stages.parcel_parts import combine_parts, judge_part, study_rules
from pipeline.study import Study, find_study, read_study

PARCELS = 1_000_000
ROWS = 100_000
CELL_M = 10_000.0
SPACING_M = 5_000.0


def write_parcels(path: Path, parcels: int) -> None:
    """Write copies of the demonstration zone, side by side, as one GeoParquet file."""
    rules = read_rules(find_rules("shanghai"))
    zone = synthetic_zone(seed=1, parcels=2000, rules=rules).parcels
    zone = zone[[name for name in zone.columns if not name.startswith("before_")]]
    zone = zone.drop(columns=["case", "revived", "source_row"]).reset_index(drop=True)
    side = int(np.ceil(np.sqrt(parcels / len(zone))))
    # Only what differs from copy to copy is made anew, as columns.
    table = pa.table(zone.to_arrow(index=False))
    table = table.replace_schema_metadata(_geo(zone, path))
    shapes, ids = zone.geometry.to_numpy(), zone["parcel_id"].astype(str)
    with pq.ParquetWriter(path, table.schema) as writer:
        for copy in range(-(-parcels // len(zone))):
            shift = np.array([copy % side, copy // side]) * SPACING_M
            moved = shapely.to_wkb(shapely.transform(shapes, lambda xy, s=shift: xy + s))
            made = {
                "parcel_id": (ids + f"-{copy}").tolist(),
                "zone_id": [f"Z{copy:05d}"] * len(zone),
                "geometry": moved.tolist(),
            }
            one = table
            for name, values in made.items():
                at = one.schema.get_field_index(name)
                column = pa.array(values, type=pa.binary() if name == "geometry" else None)
                field = table.schema.field(name)
                one = one.set_column(at, field, column.cast(field.type))
            writer.write_table(one.slice(0, min(len(zone), parcels - copy * len(zone))))


def _geo(frame: gpd.GeoDataFrame, path: Path) -> dict[bytes, bytes]:
    """Take the `geo` entry that geopandas writes."""
    frame.iloc[:1].to_parquet(path, index=False)
    return {b"geo": pq.read_schema(path).metadata[b"geo"]}


def run(parcels: int = PARCELS) -> dict[str, float]:
    """Cut, judge and add up a table part by part.

    Returns
    -------
    dict
        Parcels and parts, seconds to cut, judge and combine, the peak memory in MB that it added,
        and the largest relative difference of the whole's FAR from the documented one.
    """
    study = read_study(find_study("shanghai", workspace=Path()))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_parcels(root / "p.parquet", parcels)
        with Peak() as peak:
            return _timed(root, study) | {"peak_mb": peak.reached()}


def _timed(root: Path, study: Study) -> dict[str, float]:
    start = time.perf_counter()
    parts = split_parcels(
        root / "p.parquet",
        root / "parts",
        crs=study.study.crs,
        cell_m=CELL_M,
        rows=ROWS,
        layer=None,
    )
    cut = time.perf_counter()
    rules = study_rules(study)
    judged = sum(judge_part(part, root / "out", study, rules) for part in parts)
    done = time.perf_counter()
    totals = combine_parts(root / "out", study)
    end = time.perf_counter()
    far = float(totals.loc[totals["level"].eq("all"), "far"].iloc[0])
    return {
        "parcels": judged,
        "parts": len(parts),
        "cut_s": cut - start,
        "judge_s": done - cut,
        "combine_s": end - done,
        "far_off_share": abs(far / 0.83 - 1),
    }


class Peak:
    """Watch how much memory the process holds."""

    def __enter__(self) -> Self:
        """Start watching."""
        self._low = self._high = _resident_mb()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop watching."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            self._high = max(self._high, _resident_mb())

    def reached(self) -> float:
        """Give the most that was held beyond the start, in MB."""
        return self._high - self._low


def _resident_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return float(line.split()[1]) / 1024


if __name__ == "__main__":
    print(pd.Series(run()).to_string())
