"""Pair sources with sinks by capacity and travel time, and price what is scarce."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.errors import FieldError, Problem
from pipeline.measures.access_pairs import FloatArray, floats

FLOW_SLACK = 1e-7  # below it a flow is rounding noise of the solver, in units of the capacity
SECTORS = ("north", "east", "south", "west")
FULL_TURN_DEG = 360.0
SECTOR_DEG = FULL_TURN_DEG / len(SECTORS)


@dataclass(frozen=True, eq=False)
class Transport:
    """The cheapest way to send all supply to capacities.

    `flows` has sources as rows and sinks as columns. `sink_price` is what one more unit of a sink's
    capacity would save (0 where capacity is left), `source_price` what one more unit of supply
    would cost; both in minutes. `minutes` is the total, in minutes times units.
    """

    flows: pd.DataFrame
    sink_price: pd.Series[float]
    source_price: pd.Series[float]
    minutes: float


def transport(
    minutes: pd.DataFrame, *, supply: pd.Series[float], capacity: pd.Series[float]
) -> Transport:
    """Solve the transport problem of Hitchcock with HiGHS.

    Rules: all supply is sent; no sink takes more than its capacity; a pair without minutes carries
    nothing. Prices are the dual values, so moving one unit of capacity changes the total by them
    as long as the same pairs carry the flows.

    Parameters
    ----------
    minutes
        Travel time from each source (row) to each sink (column); null where there is no way.
    supply
        What each source sends, on the rows.
    capacity
        What each sink takes, on the columns.

    Raises
    ------
    FieldError
        When supply or capacity is negative or unknown, or the supply cannot be placed.
    """
    from scipy.optimize import linprog

    sent, room = floats(supply.reindex(minutes.index)), floats(capacity.reindex(minutes.columns))
    _refuse_bad_amounts(sent, room)
    rows, columns = minutes.shape
    cost = minutes.to_numpy(dtype=np.float64)
    if not cost.size:
        return _nothing(minutes)
    passable = np.isfinite(cost)
    by_source = np.kron(np.eye(rows), np.ones(columns))
    by_sink = np.kron(np.ones(rows), np.eye(columns))
    found = linprog(
        np.where(passable, cost, 0.0).ravel(),
        A_ub=by_sink,
        b_ub=room,
        A_eq=by_source,
        b_eq=sent,
        bounds=[(0.0, None if way else 0.0) for way in passable.ravel()],
        method="highs",
    )
    if not found.success:
        raise FieldError(_no_room(float(sent.sum()), float(room.sum())))
    flows = np.where(found.x > FLOW_SLACK * max(room.max(), 1.0), found.x, 0.0)
    return Transport(
        pd.DataFrame(flows.reshape(rows, columns), index=minutes.index, columns=minutes.columns),
        pd.Series(-found.ineqlin.marginals, index=minutes.columns, name="price") + 0.0,
        pd.Series(found.eqlin.marginals, index=minutes.index, name="price"),
        float(found.fun),
    )


def first_partner(flows: pd.DataFrame, minutes: pd.DataFrame) -> pd.Series[str]:
    """Name the sink that takes most of each source; of equal ones the nearer, then the first id.

    Returns
    -------
    pandas.Series
        On the rows of `flows`; null for a source that sends nothing.
    """
    names = sorted(flows.columns)
    amount = flows[names].to_numpy(dtype=np.float64)
    near = minutes.reindex(index=flows.index, columns=names).to_numpy(dtype=np.float64)
    best = [names[at] if at >= 0 else None for at in _largest(amount, near)]
    return pd.Series(best, index=flows.index, dtype="object")


def _largest(amount: FloatArray, near: FloatArray) -> NDArray[np.int64]:
    """Give the column that takes most of each row, of equal ones the nearer; -1 for none."""
    if not amount.shape[1]:
        return np.full(len(amount), -1, dtype=np.int64)
    order = np.lexsort((np.nan_to_num(near, nan=np.inf), -np.round(amount, 6)), axis=1)
    return np.where(amount.sum(axis=1) > 0, order[:, 0], -1)


def paired_shares(
    minutes_by_draw: FloatArray,
    *,
    sources: pd.Index[str],
    sinks: pd.Index[str],
    supply: pd.Series[float],
    capacity: pd.Series[float],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tell in which share of the draws a pair carries a flow, and is its source's first.

    Parameters
    ----------
    minutes_by_draw
        Shape (draws, sources, sinks).

    Returns
    -------
    carried, first
        Shares of the draws, sources as rows and sinks as columns.
    """
    carried = np.zeros((len(sources), len(sinks)))
    first = carried.copy()
    named = np.argsort(sinks.to_numpy(dtype=object), kind="stable")
    for matrix in minutes_by_draw:
        table = pd.DataFrame(matrix, index=sources, columns=sinks)
        flows = transport(table, supply=supply, capacity=capacity).flows.to_numpy()
        carried += flows > 0
        best = _largest(flows[:, named], matrix[:, named])
        sends = np.flatnonzero(best >= 0)
        first[sends, named[best[sends]]] += 1.0
    count = max(len(minutes_by_draw), 1)
    return (
        pd.DataFrame(carried / count, index=sources, columns=sinks),
        pd.DataFrame(first / count, index=sources, columns=sinks),
    )


def bearing_deg(x_m: FloatArray, y_m: FloatArray) -> FloatArray:
    """Give the compass bearing of offsets to east and north, from 0 (north) clockwise."""
    return np.asarray(np.degrees(np.arctan2(x_m, y_m)) % FULL_TURN_DEG, dtype=np.float64)


def sector_of(bearing: FloatArray) -> NDArray[np.object_]:
    """Name the quarter of the compass a bearing falls into; null stays null.

    North reaches from 315 (included) to 45 degrees (excluded), and so on clockwise.
    """
    number = np.floor((np.nan_to_num(bearing) + SECTOR_DEG / 2) % FULL_TURN_DEG / SECTOR_DEG)
    names: NDArray[np.object_] = np.array(SECTORS, dtype=object)[number.astype(int)]
    names[~np.isfinite(bearing)] = None
    return names


def nearest_side(bearing: FloatArray, *, sides: Collection[str]) -> NDArray[np.object_]:
    """Name the side, of those that a structure has, whose direction a bearing comes nearest to.

    A structure of north, south and east has no west: what lies north-west belongs to the north.
    Equal angles go to the side first clockwise from north; null stays null.
    """
    named = [side for side in SECTORS if side in sides]
    towards = np.array([SECTORS.index(side) * SECTOR_DEG for side in named])
    apart = np.abs(np.nan_to_num(bearing)[..., None] - towards)
    nearest = np.minimum(apart, FULL_TURN_DEG - apart).argmin(axis=-1)
    names: NDArray[np.object_] = np.array(named, dtype=object)[nearest]
    names[~np.isfinite(bearing)] = None
    return names


def to_edge_deg(bearing: FloatArray) -> FloatArray:
    """Give how far a bearing lies from the nearest edge of its sector, in degrees."""
    within = (bearing + SECTOR_DEG / 2) % SECTOR_DEG
    return np.asarray(np.minimum(within, SECTOR_DEG - within), dtype=np.float64)


def _nothing(minutes: pd.DataFrame) -> Transport:
    return Transport(
        minutes.astype("float64"),
        pd.Series(0.0, index=minutes.columns, name="price"),
        pd.Series(0.0, index=minutes.index, name="price"),
        0.0,
    )


def _refuse_bad_amounts(sent: FloatArray, room: FloatArray) -> None:
    names = (("供给", "supply", sent), ("容量", "capacity", room))
    problems = [
        Problem(zh=f"{zh}缺失或为负", en=f"{en} is missing or negative", rule="transport")
        for zh, en, amounts in names
        if not (np.isfinite(amounts).all() and (amounts >= 0).all())
    ]
    if problems:
        raise FieldError(*problems)


def _no_room(sent: float, room: float) -> Problem:
    return Problem(
        zh=f"供给 {sent:g} 无法全部安排到容量 {room:g}",
        en=f"a supply of {sent:g} cannot be placed within a capacity of {room:g}",
        rule="transport",
        remedy_zh="减少供给、增加容量，或补全通行时间",
        remedy_en="send less, give more capacity, or complete the travel times",
    )
