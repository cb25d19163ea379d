"""The second study, built once for the tests that look at it."""

from __future__ import annotations

from pathlib import Path

from tests.built import PROJECT, build_once

DATA = "data/porto_alegre"
INPUTS = {
    "inputs.rail_timetable": "poa_trensurb.zip",
    "inputs.hospitals.path": "poa_hexgrid.csv",
    "inputs.schools.path": "poa_hexgrid.csv",
    "inputs.residents.path": "poa_hexgrid.csv",
    "inputs.osm_extract": "poa_osm.pbf",
}


def build_porto_alegre(workers: Path, shared: Path) -> Path:
    """Run the study as a user does; name each file where the data lie elsewhere."""
    arguments = ["--study", "porto_alegre"]
    if shared.resolve() != (PROJECT.parent / "shared").resolve():
        for key, name in INPUTS.items():
            arguments += ["--set", f"{key}={(shared / DATA / name).resolve()}"]
    return build_once(workers / "porto_alegre", arguments)
