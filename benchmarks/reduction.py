"""Set searches of a shrunk network against scipy's searches of the whole one."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from benchmarks.network_inputs import generated_city, graph_of_arrays
from benchmarks.timing import readable
from pipeline.network.reduction import reduce_network
from pipeline.network.shortest import from_neighbours

NODES, WANTED, AT_ONCE = 20_000, 5_000, 32
SEARCHES = (30, 100, 300, 1000)


def plain(matrix: csr_matrix, sources: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Search the whole network, some sources at a time."""
    parts = [
        dijkstra(matrix, indices=sources[begin : begin + AT_ONCE])[:, wanted]
        for begin in range(0, len(sources), AT_ONCE)
    ]
    return np.concatenate(parts).T


def shrunk(matrix: csr_matrix, sources: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Shrink the network, search what is left and carry the costs on."""
    keep = np.zeros(matrix.shape[0], dtype=bool)
    keep[sources] = True
    reduced = reduce_network(matrix, keep)
    sweep = reduced.sweep(wanted)
    rows, found = sweep.row[wanted], []
    for begin in range(0, len(sources), AT_ONCE):
        part = reduced.place[sources[begin : begin + AT_ONCE]]
        found.append(sweep.carried(from_neighbours(reduced.matrix, part))[rows])
    return np.concatenate(found, axis=1)


def section(inputs: Path) -> str:
    """Write the comparison as a section of the results."""
    data = np.load(inputs / "network.npz")
    networks = {
        "Las Palmas on foot": graph_of_arrays(data["xy"], data["u"], data["v"]),
        "generated lattice": generated_city(NODES),
    }
    lines = [
        f"## Minutes from many places to {WANTED:,} nodes: the network shrunk first",
        "",
        "| network | places | scipy | parkgap, shrinking included | times parkgap | difference |",
        "|---|---|---|---|---|---|",
    ]
    for name, graph in networks.items():
        matrix = graph.phases.reverse
        pick = np.random.default_rng(17).permutation(matrix.shape[0])
        for count in SEARCHES:
            wanted, sources = pick[:WANTED], pick[WANTED : WANTED + count]
            took, answers = [], []
            for way in (plain, shrunk):
                start = time.perf_counter()
                answers.append(way(matrix, sources, wanted))
                took.append(time.perf_counter() - start)
            if (np.isfinite(answers[0]) != np.isfinite(answers[1])).any():
                msg = "the shrunk network reaches other nodes than the whole one"
                raise AssertionError(msg)
            known = np.isfinite(answers[0]) & (answers[0] > 0)
            gap = np.abs(answers[1][known] / answers[0][known] - 1).max()
            lines.append(
                f"| {name}, {matrix.shape[0]:,} nodes | {count} | {readable(took[0])} | "
                f"{readable(took[1])} | {took[0] / took[1]:.1f} | {gap:.1e} |"
            )
            print(lines[-1])
    lines += [
        "",
        "One search runs from every place. Shrinking takes out bends and dead ends cheaply: a",
        "lattice, with neither, is its hard case. The difference is the largest relative one.",
        "",
    ]
    return "\n".join(lines)
