"""Las Palmas, Porto Alegre and the Shanghai sample, against networkx and OSMnx."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import osmium
import pytest
import shapely
from scipy.spatial import KDTree

from pipeline.network.access import nearest_minutes
from pipeline.network.catchment import catchment_edges
from pipeline.network.costs import nearest, nearest_for_nodes, od_matrix
from pipeline.network.coverage import street_coverage
from pipeline.network.graph import StreetGraph
from pipeline.network.osm_reading import RawStreets
from pipeline.network.phases import component_labels
from pipeline.network.snap import snap
from pipeline.settings.network import NetworkSettings
from tests.network.oracle import add_point, along_edge, directed, nearest_edge, pair_minutes

pytestmark = pytest.mark.shared
CITIES = ["las_palmas", "porto_alegre", "las_palmas_drive"]
OPTIONS = {"by": "facility_id", "snap_max_m": 300.0}


@pytest.fixture(params=CITIES)
def city(request: pytest.FixtureRequest) -> StreetGraph:
    """Give each real network in turn."""
    graph: StreetGraph = request.getfixturevalue(request.param)
    return graph


def without_interiors(graph: StreetGraph) -> StreetGraph:
    """Open all interiors, so that one plain search is the whole truth; snap to everything."""
    return replace(graph, edges=graph.edges.assign(interior=False, snappable=True))


def scattered(graph: StreetGraph, count: int, seed: int) -> gpd.GeoDataFrame:
    """Draw points near the streets, none twice as near to one edge as to another."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(graph.snap_rows, count, replace=False)
    share = rng.uniform(0, 1, count)
    feet = shapely.line_interpolate_point(graph.lines[rows], share, normalized=True)
    xy = shapely.get_coordinates(feet) + rng.normal(0, 15, (count, 2))
    ids = [f"f{number}" for number in range(count)]
    return gpd.GeoDataFrame({"facility_id": ids}, geometry=shapely.points(xy), crs=graph.crs)


def test_contract_and_determinism(city: StreetGraph) -> None:
    city.check()
    public = city.edges[~city.edges["interior"]]
    streets = nx.Graph(list(zip(public["u"], public["v"], strict=True)))
    whole = nx.Graph(list(zip(city.edges["u"], city.edges["v"], strict=True)))
    for part in nx.connected_components(whole):  # one street network for each connected part
        assert nx.number_connected_components(streets.subgraph(part)) <= 1


def test_nearest_of_all_nodes_agrees_with_networkx(city: StreetGraph) -> None:
    graph = without_interiors(city)
    places = scattered(graph, 40, seed=1)
    network = directed(graph, list(range(len(graph.edges))))
    for number, point in enumerate(places.geometry):
        add_point(network, graph, f"f{number}", nearest_edge(graph, point))
    reached = nx.multi_source_dijkstra_path_length(
        network.reverse(copy=False), {f"f{number}" for number in range(40)}
    )
    expected = np.array([reached.get(node, math.nan) for node in graph.node_ids.tolist()])
    table = nearest_for_nodes(graph, places, **OPTIONS, limit_min=None)
    np.testing.assert_allclose(table["minutes"], expected, atol=1e-6, equal_nan=True)
    limited = nearest_for_nodes(graph, places, **OPTIONS, limit_min=10.0)
    np.testing.assert_array_equal(limited["status"] == "ok", expected <= 10.0)


def test_matrix_and_catchments_agree_with_networkx(city: StreetGraph) -> None:
    graph = without_interiors(city)
    places, origins = scattered(graph, 60, seed=2), scattered(graph, 6, seed=3)
    cutoff = 25.0
    matrix = od_matrix(graph, origins, places, **OPTIONS, cutoff_min=cutoff, memory_mb=64.0)
    found = matrix.set_index(["origin", "facility_id"])["minutes"].to_dict()
    network = directed(graph, list(range(len(graph.edges))))
    spots = [nearest_edge(graph, point) for point in places.geometry]
    for number, place in enumerate(spots):
        add_point(network, graph, f"f{number}", place)
    expected = {}
    for origin, point in enumerate(origins.geometry):
        start = nearest_edge(graph, point)
        add_point(network, graph, "origin", start)
        reached = nx.single_source_dijkstra_path_length(network, "origin", cutoff=cutoff)
        network.remove_node("origin")
        for number, place in enumerate(spots):
            cost = min(reached.get(f"f{number}", math.inf), along_edge(graph, start, place))
            if cost <= cutoff:
                expected[origin, f"f{number}"] = cost
        _compare_catchment(graph, origins.iloc[[origin]], reached, cutoff)
    assert found.keys() == expected.keys()
    assert [found[pair] for pair in expected] == pytest.approx(list(expected.values()), abs=1e-6)


def _compare_catchment(
    graph: StreetGraph, origin: gpd.GeoDataFrame, reached: dict[object, float], cutoff: float
) -> None:
    """Compare the length reached, edge by edge; the origin's own edge is left out."""
    table = catchment_edges(graph, origin, limits_min=[cutoff], towards=False, snap_max_m=300.0)
    lengths = table.groupby("edge_id")["length_m"].sum()
    own = graph.edges["edge_id"].iloc[snap(origin, graph, snap_max_m=300.0).edge[0]]
    expected = {}
    columns = graph.edges[["edge_id", "u", "v", "length_m", "forward_min", "back_min"]]
    for edge, u, v, length, forward, back in columns.itertuples(index=False):
        share = 0.0
        for node, cost in ((u, forward), (v, back)):
            left = cutoff - reached.get(node, math.inf)
            if left >= 0 and not math.isnan(cost):
                share += min(1.0, left / cost if cost else 1.0)
        if share > 0 and edge != own:
            expected[edge] = min(share, 1.0) * length
    lengths = lengths.drop(own)
    extra = lengths.index.difference(list(expected))
    assert lengths.loc[extra].sum() < 1e-6
    np.testing.assert_allclose(lengths.reindex(list(expected)), list(expected.values()), atol=1e-6)


def test_interiors_agree_with_the_definition(porto_alegre: StreetGraph) -> None:
    graph = replace(porto_alegre, edges=porto_alegre.edges.assign(snappable=True))
    inside = np.flatnonzero(graph.interior)
    rng = np.random.default_rng(4)
    rows = np.r_[rng.choice(inside, 3), rng.choice(np.flatnonzero(~graph.interior), 1)]
    spots = shapely.line_interpolate_point(graph.lines[rows], 0.4, normalized=True)
    places = gpd.GeoDataFrame({"facility_id": list("abcd")}, geometry=spots, crs=graph.crs)
    matrix = od_matrix(
        graph, places.geometry, places, **OPTIONS, cutoff_min=1e4, memory_mb=64.0
    ).set_index(["origin", "facility_id"])["minutes"]
    for origin, target in ((0, 1), (1, 2), (0, 3), (3, 2)):
        expected = pair_minutes(graph, spots[origin], spots[target])
        found = matrix.get((origin, "abcd"[target]), math.inf)
        assert found == pytest.approx(expected, abs=1e-6)
    closed = nearest(graph, places.iloc[:3], places.iloc[3:], **OPTIONS, limit_min=None)
    opened = nearest(
        without_interiors(graph), places.iloc[:3], places.iloc[3:], **OPTIONS, limit_min=None
    )
    assert (opened["minutes"].fillna(0) <= closed["minutes"].fillna(np.inf) + 1e-9).all()


def test_walking_is_symmetric_and_a_distance(las_palmas: StreetGraph) -> None:
    places = scattered(las_palmas, 25, seed=6)
    options = {**OPTIONS, "cutoff_min": 1e4, "memory_mb": 64.0}
    table = od_matrix(las_palmas, places.geometry, places, **options)
    cost = table.pivot_table(index="origin", columns="facility_id", values="minutes")
    matrix = cost[[f"f{number}" for number in range(25)]].to_numpy()
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-6)
    # On public edges (an interior's own leg may be closed to others) the triangle holds, apart
    # from the way to the street, which the middle point pays twice.
    public = ~las_palmas.interior[snap(places, las_palmas, snap_max_m=300.0).edge]
    matrix = matrix[np.ix_(public, public)]
    detour = (matrix[:, :, None] + matrix[None, :, :]).min(axis=1)
    assert (np.nan_to_num(matrix) <= np.nan_to_num(detour, nan=np.inf) + 1e-6).all()


@pytest.fixture(scope="module")
def osmnx_drive(
    las_palmas_raw: RawStreets, tmp_path_factory: pytest.TempPathFactory
) -> nx.MultiDiGraph:
    """Give the driving network of Las Palmas as OSMnx reads and simplifies it."""
    import osmnx

    path = _driveable_xml(las_palmas_raw, tmp_path_factory.mktemp("osmnx") / "drive.osm")
    osmnx.settings.useful_tags_way = ["highway", "oneway", "access", "service", "name"]
    return osmnx.graph_from_xml(path, simplify=True, retain_all=True, bidirectional=True)


def test_las_palmas_agrees_with_osmnx(
    osmnx_drive: nx.MultiDiGraph, las_palmas_drive: StreetGraph
) -> None:
    import osmnx

    metres = sum(length for _, _, length in osmnx_drive.edges(data="length")) / 2  # both ways
    ours = las_palmas_drive
    # Great circles on a sphere against the plane of the zone: under half a per cent.
    assert ours.edges["length_m"].sum() == pytest.approx(metres, rel=0.005)
    crossings = set(ours.node_ids[_degree(ours) >= 3].tolist())
    counted = osmnx.stats.count_streets_per_node(osmnx_drive)
    assert crossings == {node for node, count in counted.items() if count >= 3}


def test_consolidated_intersections_agree_with_osmnx(
    osmnx_drive: nx.MultiDiGraph, las_palmas_drive: StreetGraph
) -> None:
    """Merge intersections by the definition of OSMnx, from our tables, in the inner 3 x 3 km.

    Nodes within 20 m of each other (chained) that streets join without leaving the group are one
    intersection; streets within a group vanish, the others are drawn on to its middle. OSMnx
    overlaps circles of 64 corners, so that over the whole city a group in 2,000 falls otherwise.
    """
    import osmnx

    ours, reach_m = las_palmas_drive, 10.0
    ends, length_m = _streets(ours)
    centre = np.median(ours.node_xy, axis=0)
    inside = (np.abs(ours.node_xy - centre) < 1500).all(axis=1) & (_degree(ours) >= 3)
    ids, xy = ours.node_ids[inside], ours.node_xy[inside]
    kept = inside[ends].all(axis=1)
    one, other = (np.cumsum(inside) - 1)[ends[kept]].T
    close = KDTree(xy).query_pairs(2 * reach_m, output_type="ndarray")
    near = component_labels(close[:, 0], close[:, 1], len(xy))
    within = near[one] == near[other]
    group = component_labels(one[within], other[within], len(xy))
    middle = np.column_stack([np.bincount(group, axis) / np.bincount(group) for axis in xy.T])
    gap_m = np.hypot(*(xy - middle[group]).T)
    between = (group[one] != group[other]) | (one == other)
    metres = (length_m[kept] + gap_m[one] + gap_m[other])[between].sum()

    part = osmnx.project_graph(osmnx_drive.subgraph(ids.tolist()).copy(), to_crs=ours.crs)
    theirs = osmnx.consolidate_intersections(part, tolerance=reach_m, dead_ends=False)
    merged = [np.atleast_1d(node) for _, node in theirs.nodes(data="osmid_original")]
    assert len(ids) > 1000
    assert {frozenset(ids[group == number].tolist()) for number in np.unique(group)} == {
        frozenset(nodes.tolist()) for nodes in merged
    }
    assert 2 * between.sum() == len(theirs.edges)
    assert metres == pytest.approx(
        sum(length for _, _, length in theirs.edges(data="length")) / 2, rel=0.002
    )


def _degree(graph: StreetGraph) -> np.ndarray:
    """Count the ends of edges at every node."""
    return np.bincount(np.concatenate((graph.u_row, graph.v_row)), minlength=len(graph.nodes))


def _streets(graph: StreetGraph) -> tuple[np.ndarray, np.ndarray]:
    """Join edges where only two meet, whatever their use: rows of both ends, length."""
    size = len(graph.edges)
    ends = np.concatenate((graph.u_row, graph.v_row))
    edge = np.tile(np.arange(size), 2)
    passed = _degree(graph)[ends] == 2
    street = component_labels(edge[passed], size + ends[passed], size + len(graph.nodes))[:size]
    length_m = np.bincount(street, graph.edges["length_m"])
    tips = np.flatnonzero(~passed)
    tips = tips[np.argsort(street[edge[tips]], kind="stable")].reshape(-1, 2)
    return ends[tips], length_m[street[edge[tips[:, 0]]]]


def _driveable_xml(raw: RawStreets, path: Path) -> Path:
    """Write the ways that the driving rules keep as XML, which is all that OSMnx reads."""
    from pipeline.network.tag_rules import way_use

    rules = NetworkSettings().rules("drive")
    place = dict(zip(raw.refs.tolist(), zip(raw.lon, raw.lat, strict=True), strict=True))
    ways = []
    for number, tag_row in enumerate(raw.tag_row.tolist()):
        tags = raw.tags[tag_row]
        if way_use(tags, rules, walk_km_h=4.8) is None:
            continue
        refs = raw.refs[raw.offsets[number] : raw.offsets[number + 1]].tolist()
        for known, stretch in groupby(refs, key=lambda ref: not math.isnan(place[ref][0])):
            nodes = list(stretch)
            if known and len(nodes) > 1:
                ways.append((len(ways) + 1, nodes, {"highway": tags["highway"]}))
    with osmium.SimpleWriter(str(path), overwrite=True) as writer:
        for node in sorted({ref for _, refs, _ in ways for ref in refs}):
            writer.add_node(osmium.osm.mutable.Node(id=node, location=place[node], version=1))
        for way, refs, tags in ways:
            writer.add_way(osmium.osm.mutable.Way(id=way, nodes=refs, tags=tags, version=1))
    return path


def test_the_shanghai_sample_is_measured_in_two_places_only(shanghai: StreetGraph) -> None:
    settings = NetworkSettings()
    coverage = street_coverage(
        shanghai,
        window_m=settings.coverage_window_m,
        cell_m=settings.coverage_cell_m,
        min_density_km_per_km2=settings.coverage_min_km_per_km2,
        min_component_km=settings.coverage_min_component_km,
    )
    places = gpd.GeoSeries(
        gpd.points_from_xy([121.4546, 121.475, 121.40, 121.60], [31.1978, 31.23, 31.02, 31.40]),
        crs=4326,
    ).to_crs(shanghai.crs)
    regions = coverage.region_of(shapely.get_coordinates(places.to_numpy()))
    assert (regions > 0).tolist() == [True, True, False, False]
    mapped_km2 = (coverage.region > 0).sum() * 0.01
    assert 10 < mapped_km2 < 20
    near = shapely.transform(places.to_numpy()[:2], lambda xy: xy + np.array([250.0, 150.0]))
    targets = gpd.GeoDataFrame({"facility_id": ["a", "b"]}, geometry=near, crs=shanghai.crs)
    table = nearest_minutes(
        places,
        targets,
        shanghai,
        by="facility_id",
        coverage=coverage,
        walk_speed_m_min=80.0,
        estimate_speed_m_min=80.0,
        detour_factor=1.32,
        snap_max_m=300.0,
        limit_min=None,
    )
    assert table["method"].tolist() == ["measured_network"] * 2 + ["estimated_straight_line"] * 2
    assert (table["minutes"] * 80 >= table["straight_m"] - 1e-6).all()
