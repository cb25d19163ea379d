"""Draw how processor time and memory grow with a city, both axes logarithmic."""

from __future__ import annotations

import math
from collections.abc import Sequence

WIDTH, HEIGHT, MARGIN = 640, 360, 56
COLOURS = ("#1b6ca8", "#b5541c")


def growth_plot(points: Sequence[tuple[float, float, float]]) -> str:
    """Draw (nodes, CPU seconds, peak MB) and the line of linear growth through the last point."""
    xs, cpu, peak = (list(part) for part in zip(*sorted(points), strict=True))
    low_x, high_x = math.log10(min(xs)) - 0.1, math.log10(max(xs)) + 0.1
    values = [*cpu, *peak]
    low_y, high_y = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - low_x) / (high_x - low_x)
        up = (math.log10(max(y, 10**low_y)) - low_y) / (high_y - low_y)
        return MARGIN + across * (WIDTH - 2 * MARGIN), HEIGHT - MARGIN - up * (HEIGHT - 2 * MARGIN)

    frame = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
    )
    parts = [frame]
    for power in range(low_y, high_y + 1):
        x, y = place(10**low_x, 10**power)
        parts.append(f'<path d="M{x:.1f} {y:.1f}H{WIDTH - MARGIN}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{10**power:,}</text>'
        )
    for value in xs:
        x, y = place(value, 10**low_y)
        parts.append(f'<text x="{x:.1f}" y="{y + 18:.1f}" text-anchor="middle">{value:,.0f}</text>')
    series = (("CPU s", cpu), ("内存峰值 peak MB", peak))
    for number, (name, ys) in enumerate(series):
        spots = [place(x, y) for x, y in zip(xs, ys, strict=True)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        colour = COLOURS[number]
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in spots]
        parts.append(f'<text x="{MARGIN + 8}" y="{24 + 16 * number}" fill="{colour}">{name}</text>')
    first = place(xs[0], cpu[-1] * xs[0] / xs[-1])
    last = place(xs[-1], cpu[-1])
    parts.append(
        f'<path d="M{first[0]:.1f} {first[1]:.1f}L{last[0]:.1f} {last[1]:.1f}" stroke="#888" '
        'stroke-dasharray="4 4"/>'
    )
    parts.append(f'<text x="{MARGIN + 8}" y="56" fill="#888">CPU 线性 linear</text>')
    parts.append(
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 14}" text-anchor="middle">'
        "步行网节点 nodes of the walking network</text></svg>\n"
    )
    return "\n".join(parts)
