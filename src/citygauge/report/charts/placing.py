"""Where points and labels go so that none lies on another: always the same places for the same figures."""

from __future__ import annotations

import math
from collections.abc import Sequence

Box = tuple[float, float, float, float]  # left, top, right, bottom
Point = tuple[float, float]


def spaced(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Return places at least `gap` apart that are as near to the wanted ones as can be (least squares).

    Neighbours that would touch are moved as one block to their mean (pool adjacent violators). The places lie
    between `low` and `high`; where these are too near for all, the gap is narrowed. The order is kept, ties
    in the order given.

    Examples
    --------
    >>> spaced([10, 10, 50], 4, 0, 100)
    [8.0, 12.0, 50.0]
    """
    if not wanted:
        return []
    gap = min(gap, (high - low) / max(len(wanted) - 1, 1))
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], i))
    blocks: list[tuple[float, int]] = []  # mean of the places less their steps, how many
    for step, i in enumerate(order):
        block = (wanted[i] - step * gap, 1)
        while blocks and blocks[-1][0] >= block[0]:
            mean, n = blocks.pop()
            block = ((mean * n + block[0] * block[1]) / (n + block[1]), n + block[1])
        blocks.append(block)
    means = [min(max(mean, low), high - (len(wanted) - 1) * gap) for mean, n in blocks for _ in range(n)]
    found = [0.0] * len(wanted)
    for step, i in enumerate(order):
        found[i] = float(means[step] + step * gap)
    return found


def swarm(
    places: Sequence[float], diameter: float, room: float, *, least: float = 3
) -> tuple[list[float], float]:
    """Return how far each point moves aside so that none lies on another, and the diameter that was possible.

    Points are taken from left to right and put as near to the middle as is free. Where they would need more
    than `room` to either side, the diameter shrinks down to `least`; beyond that the offsets are pressed
    together.

    Examples
    --------
    >>> swarm([0, 0, 0], 6, 50)
    ([0.0, 6.0, -6.0], 6)
    """
    offsets = _offsets(places, diameter)
    while max(map(abs, offsets), default=0) > room and diameter > least:
        diameter = max(diameter * 0.85, least)
        offsets = _offsets(places, diameter)
    widest = max(map(abs, offsets), default=0)
    if widest > room:
        offsets = [offset * room / widest for offset in offsets]
    return offsets, diameter


def _offsets(places: Sequence[float], diameter: float) -> list[float]:
    found = [0.0] * len(places)
    done: list[int] = []
    for i in sorted(range(len(places)), key=lambda i: (places[i], i)):
        near = [j for j in done if places[i] - places[j] < diameter]
        tries = {0.0}
        for j in near:
            away = math.sqrt(max(diameter**2 - (places[i] - places[j]) ** 2, 0)) * (1 + 1e-9)
            tries |= {round(found[j] + away, 6), round(found[j] - away, 6)}
        found[i] = next(
            at
            for at in sorted(tries, key=lambda at: (abs(at), -at))
            if all(_is_free(places[i] - places[j], at - found[j], diameter) for j in near)
        )
        done.append(i)
    return found


def _is_free(dx: float, dy: float, diameter: float) -> bool:
    return dx * dx + dy * dy >= diameter * diameter * (1 - 1e-6)


def label_places(
    anchors: Sequence[Point],
    sizes: Sequence[tuple[float, float]],
    within: Box,
    taken: Sequence[Box] = (),
    *,
    clear: float = 6.0,
) -> list[Point | None]:
    """Return the middle of each label: near its point, inside `within`, on no other label and nothing taken.

    Each label tries places around its point from near to far, the first `clear` from it; its own is the first
    that is free and to which a straight line from the point is free as well, else the first that is free.
    None where no place is free: the caller leaves that label to the tooltip.
    """
    filled = [*taken]
    found: list[Point | None] = []
    for anchor, size in zip(anchors, sizes, strict=True):
        free = [at for at in _around(anchor, size, clear) if _fits(_box(at, *size), within, filled)]
        ways = [_way(anchor, nearest(anchor, _box(at, *size)), clear) for at in free]
        is_clear = [not any(touches(a, b) for a in way for b in filled) for way in ways]
        if free:
            i = is_clear.index(True) if any(is_clear) else 0
            filled += [_box(free[i], *size), *ways[i]]
        found.append(free[i] if free else None)
    return found


def nearest(point: Point, box: Box) -> Point:
    """Return the point of a box that is nearest to a point.

    Examples
    --------
    >>> nearest((0, 5), (3, 0, 9, 4))
    (3, 4)
    """
    return min(max(point[0], box[0]), box[2]), min(max(point[1], box[1]), box[3])


def touches(a: Box, b: Box) -> bool:
    """Tell whether two boxes share more than an edge."""
    return a[0] < b[2] - 1e-9 and b[0] < a[2] - 1e-9 and a[1] < b[3] - 1e-9 and b[1] < a[3] - 1e-9


def _around(anchor: Point, size: tuple[float, float], clear: float) -> list[Point]:
    """Return places right, left, above, below and aslant of a point, in growing distance."""
    (x, y), (width, height) = anchor, size
    found = []
    for away in (0.0, 6.0, 14.0, 24.0, 36.0, 50.0):
        across, up = clear + away + width / 2, clear + away + height / 2
        flush = max(width / 2 - 4, 0.0)
        found += [(x + across, y), (x - across, y), (x, y - up), (x, y + up)]
        found += [(x + flush, y - up), (x - flush, y - up), (x + flush, y + up), (x - flush, y + up)]
        found += [(x + across, y - up), (x - across, y - up), (x + across, y + up), (x - across, y + up)]
    return found


def _way(start: Point, end: Point, clear: float) -> list[Box]:
    """Return small boxes along a line from a point to its label, from beyond what is clear around it."""
    long = math.dist(start, end)
    places = [at / long for at in range(math.ceil(clear), int(long) - 1, 3)]
    middles = [tuple(a + (b - a) * at for a, b in zip(start, end, strict=True)) for at in places]
    return [(x - 1, y - 1, x + 1, y + 1) for x, y in middles]


def _box(place: tuple[float, float], width: float, height: float) -> Box:
    return place[0] - width / 2, place[1] - height / 2, place[0] + width / 2, place[1] + height / 2


def _fits(box: Box, within: Box, filled: Sequence[Box]) -> bool:
    inside = box[0] >= within[0] and box[1] >= within[1] and box[2] <= within[2] and box[3] <= within[3]
    return inside and not any(touches(box, other) for other in filled)
