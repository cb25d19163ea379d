"""Fixtures of the network tests: drawn cities and the two real ones with complete streets."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyproj import CRS

from pipeline.network.graph import StreetGraph
from pipeline.network.osm_reading import RawStreets, read_raw_streets
from pipeline.network.osm_streets import build_graph
from pipeline.network.tag_rules import keys_read
from pipeline.settings.network import Mode, NetworkSettings
from tests.network.osm_writing import Drawing, draw_lattice, lattice_graph

RULES = NetworkSettings()
LAS_PALMAS = ("las_palmas/example_las_palmas_2023_osm_20230221.pbf", 32628)
PORTO_ALEGRE = ("porto_alegre/poa_osm.pbf", 31982)
SHANGHAI = ("shanghai/shanghai_sample.osm.pbf", 32651)
KEYS = frozenset[str]().union(*(keys_read(RULES.rules(mode)) for mode in RULES.modes))


@pytest.fixture(scope="session")
def settings() -> NetworkSettings:
    """Give the default settings."""
    return NetworkSettings()


@pytest.fixture
def lattice_drawing() -> Drawing:
    """Give a lattice of 5 x 4 streets, blocks of 100 m, to add to and write."""
    return draw_lattice(5, 4)


@pytest.fixture(scope="session")
def lattice() -> StreetGraph:
    """Give an exact lattice with 18 blocks of 100 m to each side of (0, 0)."""
    return lattice_graph(18)


def build(raw: RawStreets, mode: Mode, settings: NetworkSettings, epsg: int) -> StreetGraph:
    """Build one mode with the default settings, everything kept and snappable."""
    return build_graph(
        raw,
        mode=mode,
        area=None,
        crs=CRS.from_epsg(epsg),
        rules=settings.rules(mode),
        walk_speed_m_min=settings.walk_speed_m_min,
        scrap_max_km=settings.scrap_max_km,
    )


@pytest.fixture(scope="session")
def las_palmas_raw(shared: Path) -> RawStreets:
    """Give the streets of Las Palmas as drawn."""
    return read_raw_streets(shared / "data" / LAS_PALMAS[0], area=None, keys=KEYS)


@pytest.fixture(scope="session")
def las_palmas(las_palmas_raw: RawStreets, settings: NetworkSettings) -> StreetGraph:
    """Give the walking network of Las Palmas."""
    return build(las_palmas_raw, "walk", settings, LAS_PALMAS[1])


@pytest.fixture(scope="session")
def las_palmas_drive(las_palmas_raw: RawStreets, settings: NetworkSettings) -> StreetGraph:
    """Give the driving network of Las Palmas."""
    return build(las_palmas_raw, "drive", settings, LAS_PALMAS[1])


@pytest.fixture(scope="session")
def porto_alegre(shared: Path, settings: NetworkSettings) -> StreetGraph:
    """Give the walking network of Porto Alegre."""
    raw = read_raw_streets(shared / "data" / PORTO_ALEGRE[0], area=None, keys=KEYS)
    return build(raw, "walk", settings, PORTO_ALEGRE[1])


@pytest.fixture(scope="session")
def shanghai(shared: Path, settings: NetworkSettings) -> StreetGraph:
    """Give the walking network of the Shanghai sample, mapped in two places only."""
    raw = read_raw_streets(shared / "data" / SHANGHAI[0], area=None, keys=KEYS)
    return build(raw, "walk", settings, SHANGHAI[1])
