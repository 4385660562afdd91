"""Compiled loops over replications: weighted sums, ranks, and counting them.

Every number is made by the same operations in the same order, whatever the block, thread or machine it falls
to: sums run over the children in their order, products are not fused with them, and what is counted are whole
numbers. Arrays are in C order; none is checked here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numba as nb
import numpy as np

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

if TYPE_CHECKING:

    def compiled(kernel: Kernel) -> Kernel:  # noqa: D103
        ...
else:
    compiled = nb.njit(nogil=True, cache=True)

UNKNOWN = (1 << 40) + 2  # the key of a unit without a value: behind all others, and no tie of the last
_TILE = 256  # units at once, so that what they are added up from stays in the nearest cache
_HISTOGRAM_TILE = 1 << 16  # bytes of a histogram worked on at once
_MOVES = 8  # for each unit; more disorder than that is not worth undoing by insertion


@compiled
def weighted_sums(values: Any, weights: Any, sums: Any) -> None:
    """Write ``sums (n_replications, n_units)`` of ``values (n_children, n_units)`` by weights of each.

    `weights` is ``(n_replications, n_children)``. NaN makes the sum NaN.
    """
    children, units = values.shape
    whole = weights.shape[0] - weights.shape[0] % 4
    for start in range(0, units, _TILE):
        stop = min(start + _TILE, units)
        for r in range(0, whole, 4):
            a, b, c, d = (
                sums[r, start:stop],
                sums[r + 1, start:stop],
                sums[r + 2, start:stop],
                sums[r + 3, start:stop],
            )
            a[:], b[:], c[:], d[:] = 0.0, 0.0, 0.0, 0.0
            for i in range(0, children - 3, 4):
                first, second, third, fourth = (
                    values[i, start:stop], values[i + 1, start:stop], values[i + 2, start:stop],
                    values[i + 3, start:stop],
                )  # fmt: skip
                e, f, g, h = weights[r], weights[r + 1], weights[r + 2], weights[r + 3]
                a1, a2, a3, a4 = e[i], e[i + 1], e[i + 2], e[i + 3]
                b1, b2, b3, b4 = f[i], f[i + 1], f[i + 2], f[i + 3]
                c1, c2, c3, c4 = g[i], g[i + 1], g[i + 2], g[i + 3]
                d1, d2, d3, d4 = h[i], h[i + 1], h[i + 2], h[i + 3]
                for u in range(stop - start):
                    w, x, y, z = first[u], second[u], third[u], fourth[u]
                    a[u] = a[u] + a1 * w + a2 * x + a3 * y + a4 * z
                    b[u] = b[u] + b1 * w + b2 * x + b3 * y + b4 * z
                    c[u] = c[u] + c1 * w + c2 * x + c3 * y + c4 * z
                    d[u] = d[u] + d1 * w + d2 * x + d3 * y + d4 * z
            for i in range(children - children % 4, children):
                last = values[i, start:stop]
                a1, b1, c1, d1 = weights[r, i], weights[r + 1, i], weights[r + 2, i], weights[r + 3, i]
                for u in range(stop - start):
                    x = last[u]
                    a[u] += a1 * x
                    b[u] += b1 * x
                    c[u] += c1 * x
                    d[u] += d1 * x
        for r in range(whole, weights.shape[0]):
            a = sums[r, start:stop]
            a[:] = 0.0
            for i in range(children):
                first, a1 = values[i, start:stop], weights[r, i]
                for u in range(stop - start):
                    a[u] += a1 * first[u]


@compiled
def add_child(values: Any, weights: Any, sums: Any, known: Any) -> None:
    """Add a child ``(1 or n_replications, n_units)`` to weighted sums and to the weights that are known.

    A child that is NaN is skipped with its weight, one of weight 0 has no influence.
    """
    own = values.shape[0] > 1
    for r in range(sums.shape[0]):
        weight = weights[r]
        if weight == 0.0:
            continue
        row, total, share = values[r if own else 0], sums[r], known[r]
        for u in range(row.size):
            x = row[u]
            is_known = not np.isnan(x)
            total[u] += weight * x if is_known else 0.0
            share[u] += weight if is_known else 0.0


@compiled
def add_whole_child(values: Any, weights: Any, sums: Any) -> None:
    """Add a child without gaps ``(1 or n_replications, n_units)`` to weighted sums."""
    own = values.shape[0] > 1
    for r in range(sums.shape[0]):
        weight = weights[r]
        if weight == 0.0:
            continue
        row, total = values[r if own else 0], sums[r]
        for u in range(row.size):
            total[u] += weight * row[u]


@compiled
def round_off(row: Any, keys: Any) -> None:
    """Write each score rounded to 2⁻⁴⁰ of their range as in `score.rank.rounded`, the best the lowest."""
    low, high = np.inf, -np.inf
    for u in range(keys.size):
        low = row[u] if row[u] < low else low
        high = row[u] if row[u] > high else high
    size = max(high - low, abs(low), abs(high))
    if not size > 0.0:
        size = 1.0
    for u in range(keys.size):
        x = row[u] / size
        keys[u] = np.int64(np.rint(x * -1099511627776.0)) if not np.isnan(x) else np.int64(UNKNOWN)


@compiled
def pack(scores: Any, keys: Any, bits: int) -> None:
    """Write for each score its rounded value, best first, with the number of its unit in the low bits."""
    for r in range(scores.shape[0]):
        out = keys[r]
        round_off(scores[r], out)
        for u in range(out.size):
            out[u] = (out[u] << bits) | u


@compiled
def rank_by_digit(scores: Any, first: int, keys: Any, order: Any, counts: Any, bits: int, ranks: Any) -> Any:
    """Write the ranks of each replication from the first on; return the one it cannot rank, or the end.

    As `pack`, a sort and `place`, with a sort by the leading digit of the way from the best key, of which
    there are as many as `counts`; the little disorder that is left is undone by insertion. Where much is
    left, because values crowd at one place of their range, the replication is handed back.
    """
    mask = (1 << bits) - 1
    for r in range(first, scores.shape[0]):
        out = ranks[r]
        round_off(scores[r], keys)
        known = _sort_by_digit(keys, order, counts, bits)
        if not _undo_disorder(order, known):
            return r
        if known < keys.size:
            out[:] = 0
        last, rank = np.int64(0), 1
        for p in range(known):
            key = order[p] >> bits
            rank = p + 1 if key - last > 1 else rank  # a tie may fall on both sides of an edge between keys
            last = key
            out[np.uint64(order[p] & mask)] = rank
    return scores.shape[0]


@compiled
def _sort_by_digit(keys: Any, order: Any, counts: Any, bits: int) -> Any:
    """Write known keys, less the least and with their units, sorted by a digit; return how many they are."""
    least, most = np.int64(UNKNOWN), np.int64(-UNKNOWN)
    for u in range(keys.size):
        least = min(least, keys[u])
        most = max(most, keys[u] if keys[u] < UNKNOWN else np.int64(-UNKNOWN))
    shift = np.uint64(0)  # unsigned numbers address memory without a look at their sign
    while (most - least) >> np.int64(shift) >= counts.size:
        shift += np.uint64(1)
    counts[:] = 0
    for u in range(keys.size):
        if keys[u] < UNKNOWN:
            counts[np.uint64(keys[u] - least) >> shift] += 1
    known = np.int64(0)
    for i in range(counts.size):
        known, counts[i] = known + counts[i], known
    for u in range(keys.size):
        if keys[u] < UNKNOWN:
            way = keys[u] - least
            digit = np.uint64(way) >> shift
            order[np.uint64(counts[digit])] = (way << bits) | u
            counts[digit] += 1
    return known


@compiled
def _undo_disorder(order: Any, known: int) -> Any:
    """Sort nearly sorted keys; return whether that could be done with few moves."""
    if known == 0:
        return True
    held, moves = order[0], 0
    for p in range(1, known):  # most of it lies between neighbours, and this has no branch to guess
        key = order[p]
        order[p - 1] = min(held, key)
        held = max(held, key)
    order[known - 1] = held
    for p in range(1, known):
        key = order[p]
        if order[p - 1] > key:
            hole = p
            while hole > 0 and order[hole - 1] > key:
                order[hole] = order[hole - 1]
                hole -= 1
            order[hole] = key
            moves += p - hole
            if moves > _MOVES * known:
                return False
    return True


@compiled
def place(keys: Any, bits: int, ranks: Any) -> None:
    """Write the rank of each unit from sorted keys: ties share the smallest, 0 without a value."""
    mask, n = (1 << bits) - 1, keys.shape[1]
    for r in range(keys.shape[0]):
        row, out = keys[r], ranks[r]
        last, rank = row[0] >> bits, 1
        for p in range(n):
            key = row[p] >> bits
            if key - last > 1:  # a tie may fall on both sides of an edge between keys
                rank = p + 1
            last = key
            out[row[p] & mask] = 0 if key == UNKNOWN else rank


@compiled
def count_ranks(ranks: Any, histogram: Any, shift: int) -> None:
    """Add ``ranks (n_replications, n_units)`` to a histogram ``(n_units, n_bins)`` of 2^shift ranks a bin."""
    n, bins = histogram.shape
    flat, one, by = histogram.reshape(-1), np.uint64(1), np.uint64(shift)  # unsigned: quicker to address
    tile = max(8, _HISTOGRAM_TILE // (4 * bins))
    for start in range(0, n, tile):
        stop = min(start + tile, n)
        for r in range(ranks.shape[0]):
            row, first = ranks[r, start:stop], np.uint64(start * bins)
            for u in range(stop - start):
                rank = np.uint64(row[u])
                if rank >= one:
                    flat[first + ((rank - one) >> by)] += np.uint32(1)
                first += np.uint64(bins)


@compiled
def bin_scores(scores: Any, low: float, high: float, n_bins: int, bins: Any) -> None:
    """Write the bin of each score from 1 on, 0 without a score; the outer bins hold what is beyond."""
    n = bins.shape[1]
    factor = n_bins / (high - low) if high > low else 0.0
    for r in range(scores.shape[0]):
        row, out = scores[r], bins[r]
        for u in range(n):
            x = row[u]
            place = min(max((x - low) * factor, 0.0), n_bins - 1.0)
            out[u] = 0 if np.isnan(x) else np.int32(place) + 1


@compiled
def count_grades(scores: Any, edges: Any, counts: Any) -> None:
    """Add the class of each score: the first of falling ``edges (n_replications, n_grades)`` it reaches."""
    n, grades = counts.shape
    for r in range(scores.shape[0]):
        row, limits = scores[r], edges[r]
        for u in range(n):
            for g in range(grades):
                if row[u] >= limits[g]:
                    counts[u, g] += 1
                    break


@compiled
def count_pairs(ranks: Any, own: Any, others: Any, ahead: Any) -> None:
    """Add for each pair of units whether the one of the row has the better rank; both must have one.

    `own` and `others` are room for the ranks unit by unit ``(n_units, n_replications or more)`` of uint16.
    """
    n, rows = ahead.shape[0], ranks.shape[0]
    for u in range(n):
        mine, theirs = own[u], others[u]
        for r in range(rows):
            rank = np.uint16(ranks[r, u])
            mine[r] = np.uint16(rank - np.uint16(1))  # without a rank the largest number: ahead of nobody
            theirs[r] = max(rank, np.uint16(1)) - np.uint16(1)  # and nobody ahead of it
    for u in range(n):
        mine = own[u, :rows]
        for v in range(n):
            theirs, wins = others[v, :rows], np.uint16(0)
            for r in range(rows):
                wins = np.uint16(wins + np.uint16(mine[r] < theirs[r]))
            ahead[u, v] += wins


@compiled
def rescale(shares: Any, parents: Any, first: Any, children: Any) -> None:
    """Bring the weights of siblings to a sum of 1, the deepest first; without any their parent has none."""
    for r in range(shares.shape[0]):
        row = shares[r]
        for g in range(parents.size):
            total = 0.0
            for i in range(first[g], first[g + 1]):
                total += row[children[i]]
            if total > 0.0:
                for i in range(first[g], first[g + 1]):
                    row[children[i]] /= total
            else:
                row[parents[g]] = 0.0


@compiled
def multiply_down(shares: Any, above: Any, effective: Any) -> None:
    """Write the product of the shares from the index down to each node; parents stand before children."""
    for r in range(shares.shape[0]):
        row, out = shares[r], effective[r]
        out[0] = 1.0
        for i in range(1, row.size):
            out[i] = out[above[i]] * row[i] if above[i] >= 0 else 0.0


@compiled
def multiply_within(shares: Any, above: Any, weights: Any) -> None:
    """Write the product of the shares below a node without a parent in `above`, 1 for the node itself."""
    for r in range(shares.shape[0]):
        row, out = shares[r], weights[r]
        for i in range(row.size):
            out[i] = out[above[i]] * row[i] if above[i] >= 0 else 1.0


@compiled
def totals(weights: Any) -> Any:
    """Return the sum of each row, added up from its first entry on."""
    found = np.zeros(weights.shape[0])
    for r in range(weights.shape[0]):
        for i in range(weights.shape[1]):
            found[r] += weights[r, i]
    return found
