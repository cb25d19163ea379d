"""Fit the shift between a local grid and a known CRS from control points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from pipeline.errors import CrsError, Problem

Model = Literal["helmert", "affine"]
Table = npt.NDArray[np.float64]

_FEWEST: dict[Model, int] = {"helmert": 2, "affine": 3}


@dataclass(frozen=True)
class LocalShift:
    """A plane transformation with the misfit at its control points, in metres.

    `matrix` (2 x 2) and `offset_m` (2) act on coordinates reduced by `centre` (2), which keeps the
    fit well conditioned. `spare` is the number of control points beyond the minimum: with none the
    residuals are zero whatever the points are worth.
    """

    model: Model
    matrix: Table
    centre: Table
    offset_m: Table
    residual_m: Table
    spare: int

    @property
    def rms_m(self) -> float:
        """Root mean square of the residuals."""
        return float(np.sqrt(np.mean(self.residual_m**2)))

    @property
    def scale(self) -> float:
        """Scale of areas' sides: the root of the determinant."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix))))

    @property
    def rotation_deg(self) -> float:
        """Rotation, counter-clockwise."""
        return float(np.degrees(np.arctan2(self.matrix[1, 0], self.matrix[0, 0])))

    def __str__(self) -> str:
        """Render the fit on one line."""
        return (
            f"{self.model} on {len(self.residual_m)} control points ({self.spare} to spare): "
            f"scale {self.scale:.8f}, rotation {self.rotation_deg:.6f} deg, "
            f"rms {self.rms_m:.3f} m, largest {self.residual_m.max():.3f} m"
        )

    def apply(self, xy: npt.ArrayLike) -> Table:
        """Transform coordinates, shape (n, 2)."""
        reduced = np.asarray(xy, dtype=np.float64) - self.centre
        return np.asarray(reduced @ self.matrix.T + self.offset_m)


def fit_shift(
    local: npt.ArrayLike, known: npt.ArrayLike, *, model: Model, largest_residual_m: float
) -> LocalShift:
    """Fit control points by least squares.

    Parameters
    ----------
    local, known
        Coordinates of the same points in the local grid and in the known CRS, shape (n, 2), metres.
    model
        "helmert": shift, rotation and one scale (4 parameters); "affine": 6 parameters.
    largest_residual_m
        Refuse the fit when a control point misses by more.

    Returns
    -------
    shift

    Raises
    ------
    CrsError
        Too few points, points on one line or in one spot, or a residual beyond the limit; the
        residual of every point beyond it is listed.
    """
    source, target = np.asarray(local, np.float64), np.asarray(known, np.float64)
    _require_control(source, target, model)
    centre, goal = source.mean(axis=0), target.mean(axis=0)
    a, b = source - centre, target - goal
    matrix = _helmert(a, b) if model == "helmert" else np.linalg.lstsq(a, b, rcond=None)[0].T
    residual = np.hypot(*(a @ matrix.T - b).T)
    far = np.flatnonzero(residual > largest_residual_m)
    if len(far):
        raise CrsError(*(_misfit(int(i), float(residual[i]), largest_residual_m) for i in far))
    return LocalShift(model, matrix, centre, goal, residual, len(a) - _FEWEST[model])


def _helmert(a: Table, b: Table) -> Table:
    """Rotation and scale that minimise the squared misfit, in closed form."""
    weight = float((a**2).sum())
    p = float((a * b).sum()) / weight
    q = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / weight
    return np.array([[p, -q], [q, p]])


def _require_control(source: Table, target: Table, model: Model) -> None:
    if source.shape != target.shape or source.ndim != 2 or source.shape[1] != 2:  # noqa: PLR2004
        text = f"control points must be pairs of the shape (n, 2): {source.shape}, {target.shape}"
        raise CrsError(Problem("控制点须成对给出", text, rule="control_points"))
    finite = bool(np.isfinite(source).all() and np.isfinite(target).all())
    rank = int(np.linalg.matrix_rank(source - source.mean(axis=0))) if finite else 0
    if len(source) < _FEWEST[model] or rank < (1 if model == "helmert" else 2):
        raise CrsError(
            Problem(
                f"控制点不足：{model} 至少需要 {_FEWEST[model]} 个不重合（仿射不共线）的点",
                f"{model} needs at least {_FEWEST[model]} control points, distinct "
                "(for affine not on one line) and without blanks",
                rule="control_points",
            )
        )


def _misfit(row: int, residual_m: float, limit_m: float) -> Problem:
    return Problem(
        f"控制点残差 {residual_m:.3f} 米，超过 {limit_m:g} 米",
        f"the control point misses by {residual_m:.3f} m, more than {limit_m:g} m",
        row=row,
        rule="control_points",
        remedy_zh="检查该点坐标、坐标次序（X 北 Y 东）和点名对应",
        remedy_en="check its coordinates, their order (X is north in Chinese grids) and its pair",
    )
