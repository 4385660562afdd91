"""Areas in proportion to numbers: rectangles that fill a box, and parts of a ring."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, pi, sin

Box = tuple[float, float, float, float]


def squarify(areas: Sequence[float], box: Box) -> list[Box]:
    """Return rectangles (x, y, width, height) that fill a box, as near to squares as they come.

    Parameters
    ----------
    areas : sequence of float
        Above 0, best from large to small; each rectangle's share of the box is its share of their sum.
    box : tuple of float
        x, y, width and height.

    Notes
    -----
    Bruls, Huizing & van Wijk (2000), doi:10.1007/978-3-7091-6783-0_4: rows along the shorter side, to which
    rectangles are added as long as the worst ratio of sides in the row does not rise.

    Examples
    --------
    >>> [tuple(round(v, 2) for v in r) for r in squarify([6, 6, 4, 3, 2, 2, 1], (0, 0, 6, 4))][:3]
    [(0, 0, 3.0, 2.0), (0, 2.0, 3.0, 2.0), (3.0, 0, 1.71, 2.33)]
    """
    order = sorted(range(len(areas)), key=lambda i: -areas[i])
    scale = box[2] * box[3] / sum(areas) if areas else 0.0
    sizes = [areas[i] * scale for i in order]
    found: list[Box] = []
    x, y, width, height = box
    while len(found) < len(sizes):
        side = min(width, height)
        row = [sizes[len(found)]]
        for size in sizes[len(found) + 1 :]:
            if _worst([*row, size], side) > _worst(row, side):
                break
            row.append(size)
        thick = sum(row) / side
        at = y if width >= height else x
        for size in row:
            long = size / thick
            found.append((x, at, thick, long) if width >= height else (at, y, long, thick))
            at += long
        if width >= height:
            x, width = x + thick, width - thick
        else:
            y, height = y + thick, height - thick
    placed = dict(zip(order, found, strict=True))
    return [placed[i] for i in range(len(areas))]


def ring(centre: tuple[float, float], radii: tuple[float, float], start: float, end: float) -> str:
    """Return the outline of a part of a ring between two shares of the round, clockwise from the top."""
    end = min(end, start + 0.99999)  # a whole round would begin where it ends, and not be drawn
    points = [
        (centre[0] + radius * sin(2 * pi * at), centre[1] - radius * cos(2 * pi * at))
        for radius, at in ((radii[1], start), (radii[1], end), (radii[0], end), (radii[0], start))
    ]
    outer, outer_end, inner_end, inner = (f"{x:.3f},{y:.3f}" for x, y in points)
    is_large = int(end - start > 0.5)
    return (
        f"M{outer}A{radii[1]},{radii[1]},0,{is_large},1,{outer_end}"
        f"L{inner_end}A{radii[0]},{radii[0]},0,{is_large},0,{inner}Z"
    )


def _worst(row: Sequence[float], side: float) -> float:
    """Return the worst ratio of sides of areas in one row along a side: at least 1."""
    total = sum(row)
    return max(side**2 * max(row) / total**2, total**2 / (side**2 * min(row)))
