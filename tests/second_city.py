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
    """Run the study as a user does."""
    return build_once(workers / "porto_alegre", poa_arguments(shared))


def poa_arguments(shared: Path, *, without: str = "") -> list[str]:
    """Say which study it is; name each file where the data lie elsewhere, but for one input."""
    arguments = ["--study", "porto_alegre"]
    if shared.resolve() != (PROJECT.parent / "shared").resolve():
        named = {key: name for key, name in INPUTS.items() if key != without}
        for key, name in named.items():
            arguments += ["--set", f"{key}={(shared / DATA / name).resolve()}"]
    return arguments
