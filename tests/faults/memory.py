"""Record the peak memory of every stage of a built study.

`python -m tests.faults.memory LABEL WORKSPACE STUDY` adds or replaces one study in
`tests/faults/memory.json`, which `docs/reliability.md` shows.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.atomic import atomic_write
from pipeline.stages.flow import STAGES
from pipeline.usage import read_usages
from pipeline.workspace import Workspace

RECORD = Path(__file__).with_name("memory.json")


def rows_of(path: Path) -> int:
    """Count the rows of a table; none where there is no such table."""
    return int(pq.read_metadata(path).num_rows) if path.is_file() else 0


def measured(workspace: Workspace) -> dict[str, Any]:
    """Give the size of a built study and the peak memory of its stages, in 10^6 bytes."""
    usages = read_usages([workspace.usage(stage.name) for stage in STAGES])
    nodes = [rows_of(path) for path in (workspace.built / "networks").glob("*_nodes.parquet")]
    return {
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "street_nodes": max(nodes, default=0),
        "ordinary_facilities": rows_of(workspace.built / "ingest" / "ordinary.parquet"),
        "places": rows_of(workspace.built / "ingest" / "places.parquet"),
        "peak_mb": {usage.stage: usage.peak_mb for usage in usages},
    }


def main() -> None:
    """Add the study to the record."""
    label, root, study = sys.argv[1:4]
    found = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.is_file() else {}
    found[label] = measured(Workspace(root=Path(root).resolve(), study=study))
    atomic_write(RECORD, json.dumps(found, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
