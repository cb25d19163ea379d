"""Run the benchmarks by name and write `benchmarks/RESULTS.md`."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.access_2sfca import section as floating_catchment
from benchmarks.flow_contenders import CONTENDERS as FLOWS
from benchmarks.island_null import section as island_null
from benchmarks.island_parks import section as island_parks
from benchmarks.network_contenders import CONTENDERS, places_at
from benchmarks.network_inputs import generated_city, prepare, prepare_flow, prepare_large
from benchmarks.reduction import section as reduction
from benchmarks.timing import ROOT, Timing, machine, readable, run_apart, versions
from pipeline.atomic import atomic_write
from pipeline.network.costs import nearest_for_nodes

RESULTS = ROOT / "benchmarks" / "RESULTS.md"
PEER_TASKS = ("pyrosm", "osmnx", "networkx", "igraph", "pandana")
PACKAGES = ("scipy", "numpy", "shapely", "geopandas", "osmium", *PEER_TASKS)
MODULES = dict.fromkeys(CONTENDERS, "network_contenders") | dict.fromkeys(FLOWS, "flow_contenders")
MARKS = ("<!-- benchmarks -->", "<!-- /benchmarks -->")
TITLES = {
    "flow": "From an extract to minutes: three services, 2,000 points (Las Palmas on foot)",
    "read": "From an extract to a walking graph (Las Palmas, 3.3 MB)",
    "nearest": "Nearest of 30 facilities for every node (Las Palmas on foot)",
    "nearest-large": "Nearest of 60 facilities for every node (generated city, 200,000 nodes)",
    "node to node": "Nearest of 30 facilities, from node to node (Las Palmas on foot)",
    "matrix": "1,000 origins x 200 destinations within 15 minutes (Las Palmas on foot)",
    "catchments": "30 catchment polygons of 15 minutes (Las Palmas on foot)",
}
NOTES = {
    "flow": "What a user would write today, from the examples of osmnx and networkx, against the "
    "same task here. The recipe is handed XML that was filtered and converted beforehand (osmnx "
    "reads no PBF) and matches points to junctions; parkgap matches them to edges and adds the "
    "way there. The answer is the median of the minutes.",
    "read": "parkgap reads, applies the tag rules, contracts, projects and checks; pyrosm gives "
    "uncontracted edges; OSMnx reads XML that was filtered and converted beforehand, which is not "
    "counted. A first reading in a fresh process is the slowest of its spread; pyrosm's second one "
    "is far faster than its first. The answer is the street length in km, which differs with the "
    "tag rules.",
    "nearest": "Minutes and which facility, for every node; parkgap's time includes snapping the "
    "facilities to edges and the table with ids and statuses, the others are given their nodes and "
    "give numbers. Preparation is the phased layout and "
    "spatial index (parkgap), the graph (the others), the contraction hierarchy (pandana). The "
    "answer is the sum of minutes over all nodes; pandana keeps 3 decimals.",
    "nearest-large": "As above; pandana is left out, its preparation takes minutes at this size.",
    "node to node": "As above with the same given to all: the nodes of the facilities. Asked are "
    "the minutes and which facility; parkgap is the search within the task above, and the graph is "
    "its only preparation.",
    "matrix": "parkgap's time includes snapping both sides. The answer is the sum of minutes.",
    "catchments": "The usual recipe keeps whole edges between reached nodes and drops the rest; "
    "parkgap cuts edges at the cost and finds what is reached from one side only. The answer is "
    "the sum of areas in km2.",
}


@dataclass
class Bench:
    """Where a run finds its inputs and the peers, and the ratios it has measured so far."""

    inputs: Path
    peers: Path
    shared: Path
    ratios: list[tuple[str, str, float]] = field(default_factory=list)


def side_by_side(bench: Bench, name: str) -> str:
    """Run parkgap and its peers on one task and write the table."""
    inputs = bench.inputs
    if name == "flow":
        prepare_flow(bench.shared, inputs)
    if name == "nearest-large":
        inputs /= "large"
        prepare_large(inputs, nodes=200_000)
    wanted = {name, "bare pass"} if name == "read" else {name.removesuffix("-large")}
    found: list[Timing] = []
    for contender, module in MODULES.items():
        label, task = contender.rsplit(", ", 1)
        if task in wanted and not (label == "pandana" and name == "nearest-large"):
            python = bench.peers if label.split()[0] in PEER_TASKS else Path(sys.executable)
            timing = run_apart(python, module, contender, inputs)
            if timing is not None:
                found.append(timing)
    own = next(timing for timing in found if timing.name.startswith("parkgap"))
    bench.ratios += [
        (TITLES[name], timing.name, timing.median / own.median)
        for timing in found
        if timing is not own
    ]
    lines = [
        f"## {TITLES[name]}",
        "",
        "| | median | fastest to slowest | times parkgap | preparation | peak memory | answer |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_row(timing, own) for timing in found]
    return "\n".join([*lines, "", NOTES[name], ""])


def _row(timing: Timing, own: Timing) -> str:
    """Write one contender as a row."""
    label, task = timing.name.rsplit(", ", 1)
    cells = [
        timing.name if task == "bare pass" else label,
        readable(timing.median),
        timing.spread,
        f"{timing.median / own.median:.2f}",
        readable(timing.setup_seconds),
        f"{timing.peak_mb:.0f} MB",
        f"{timing.answer:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def growth(_bench: Bench) -> str:
    """Show how the cost of laying out and searching grows with the city."""
    rows: list[tuple[int, float, float]] = []
    for nodes in (10_000, 30_000, 100_000, 250_000, 500_000):
        graph = generated_city(nodes)
        start = time.perf_counter()
        _ = graph.phases.reverse
        laid_out = time.perf_counter() - start
        places = places_at(graph, graph.node_xy[:: max(1, len(graph.nodes) // 60)][:60])
        _ = graph.snap_tree
        times = []
        for _repeat in range(3):
            start = time.perf_counter()
            nearest_for_nodes(graph, places, by="facility_id", snap_max_m=300.0, limit_min=None)
            times.append(time.perf_counter() - start)
        rows.append((len(graph.nodes), laid_out, float(np.median(times))))
        print(f"growth: {nodes} nodes in {readable(rows[-1][2])}")
    size, layout, search = np.log(np.array(rows)).T
    exponents = [float(np.polyfit(size, cost, 1)[0]) for cost in (layout, search)]
    lines = [
        "## How cost grows (generated city, nearest of 60 facilities for every node)",
        "",
        "| nodes | layout | nearest |",
        "|---|---|---|",
        *(f"| {n:,} | {readable(one)} | {readable(two)} |" for n, one, two in rows),
        "",
        f"Exponent over the sizes: layout {exponents[0]:.2f}, nearest {exponents[1]:.2f}.",
        "",
    ]
    return "\n".join(lines)


ALONE: dict[str, Callable[[Bench], str]] = {
    "floating-catchment": lambda _bench: floating_catchment(),
    "growth": growth,
    "island-null": lambda _bench: island_null(),
    "island-parks": lambda bench: island_parks(bench.shared),
    "reduction": lambda bench: reduction(bench.inputs),
}


def show_ratios(ratios: list[tuple[str, str, float]], readme: Path) -> None:
    """Put the ratios of a whole run into the README, between its two marks."""
    before, _, rest = readme.read_text(encoding="utf-8").partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    rows = [
        f"| {title} | {name if 'bare' in name else name.rsplit(', ', 1)[0]} | {ratio:.1f} |"
        for title, name, ratio in ratios
    ]
    told = [
        MARKS[0],
        f"{dt.datetime.now(tz=dt.UTC).date()}，{machine()}。倍数：对方用时 ÷ parkgap 用时。",
        "小于 1 者 parkgap 较慢；中位数，不含预处理与首次调用（编译），二者见 RESULTS.md。",
        "Ratios: time of the other tool ÷ time of parkgap, in one run; below 1 parkgap is slower.",
        "Medians without preparation and first calls (compiling), which RESULTS.md states.",
        "",
        "| task | against | ratio |",
        "|---|---|---|",
        *rows,
        MARKS[1],
    ]
    atomic_write(readme, before + "\n".join(told) + after)


def main() -> None:
    """Run the named benchmarks (all by default) in one go and write their results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *TITLES, *ALONE], help="which to run")
    parser.add_argument(
        "--peers",
        type=Path,
        default=Path(sys.executable),
        help="interpreter that has the peers installed (pyrosm, osmnx, igraph, pandana)",
    )
    parser.add_argument(
        "--shared",
        type=Path,
        default=Path(os.environ.get("PARKGAP_SHARED", ROOT.parent / "shared")),
        help="folder of the real data",
    )
    options = parser.parse_args()
    load = os.getloadavg()[0]
    every = [*TITLES, *ALONE]
    names = options.names or every
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), options.peers, options.shared)
        prepare(options.shared, bench.inputs)
        parts = [
            side_by_side(bench, name) if name in TITLES else ALONE[name](bench) for name in names
        ]
    head = [
        "# Benchmarks",
        "",
        f"Run on {dt.datetime.now(tz=dt.UTC).date()}: {', '.join(names)}. Every contender runs in",
        "a process of its own, all in one run; compare ratios, not seconds.",
        f"Load when it began: {load:.1f} on {os.cpu_count()} cores.",
        "",
        f"* Machine: {machine()}",
        f"* parkgap with {versions(Path(sys.executable), PACKAGES[:5])}",
        f"* Peers: {versions(options.peers, PACKAGES)}",
        "",
    ]
    atomic_write(RESULTS, "\n".join([*head, *parts]))
    print(f"wrote {RESULTS}")
    if names == every:
        show_ratios(bench.ratios, ROOT / "README.md")


if __name__ == "__main__":
    main()
