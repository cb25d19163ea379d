"""List all there is to open on the front page of the study."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from pipeline.publish.index_page import build_index, describe
from pipeline.publish.index_words import read_layers
from pipeline.publish.map_addresses import park_pages
from pipeline.publish.report import compile_templates
from pipeline.publish.report_cells import Words
from pipeline.stages.context import StageContext

PLACE_COLUMNS = ("place_id", "name_zh", "name_en")


def prepare() -> None:
    """Compile the templates before there is anything to fill them with."""
    compile_templates()


def run(context: StageContext) -> None:
    """Write the index over what the manifests of the earlier stages promise to people."""
    identity, folder = context.settings("study"), context.workspace.outputs
    sources = context.frame("ingest", "sources.parquet")
    layers = read_layers(context.path("layers", "layers:parkgap.provenance.json"))
    titles = _place_files(folder, context.frame("ingest", "places.parquet", PLACE_COLUMNS))
    found, rows = _files(context), sources.to_dict("records")
    page = build_index(
        title=Words(identity.name_zh, identity.name_en),
        study_date=identity.date.isoformat(),
        version=version("parkgap"),
        digest=_digest_of_report(context),
        sources=sources,
        items=[
            describe(
                path,
                root=folder,
                sources=rows,
                layers=layers,
                name=titles.get(path) or titles.get(path.with_suffix("")),
            )
            for path in found
        ],
    )
    with context.writing("outputs:index.html") as target:
        target.write_bytes(page.encode())
    context.log.info("wrote an index of %d files", len(found))


def _files(context: StageContext) -> list[Path]:
    return [
        context.workspace.output(stage, name)
        for stage in context.spec.needs
        for name in context.manifest(stage)["files"]
        if ":" in name
    ]


def _digest_of_report(context: StageContext) -> str:
    """Hash the settings that the report rests on, as it states them itself."""
    content = context.manifest("report")["basis"]["settings"]
    line = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(line.encode()).hexdigest()


def _place_files(folder: Path, places: pd.DataFrame) -> dict[Path, Words]:
    """Name the files that are about one place by it: its page, and its figure without suffix."""
    pages = park_pages(places["place_id"])
    files = {}
    for place_id, zh, en in places.astype("object").itertuples(index=False):
        name = Words(str(zh), en if isinstance(en, str) else "")
        files[folder / "maps" / pages[place_id]] = name
        files[folder / "figures" / "island" / place_id] = name
    return files
