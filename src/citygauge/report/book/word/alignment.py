"""Which texts of two lists belong together: the same ones, those with other numbers, and like ones."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from functools import lru_cache

Told = tuple[str, str]
LIKE = 0.6  # of what both say
MOST_LETTERS = 4_000_000  # of one text times those of the other: a comparison of 3 s at the worst
MOST = 60_000  # pairs that are compared letter by letter; of more none is


def pairs(
    left: Sequence[Told], right: Sequence[Told], likeness: Callable[[Told, Told], float]
) -> dict[int, int]:
    """Return for the places of a list those of another that they belong to, each once.

    Parameters
    ----------
    left, right : sequence of (str, str)
        For each text what it says in full, piece by piece, and what it says with its numbers masked.
    likeness : callable
        How alike two texts are, 0 to 1; from 0.6 on they are taken for the same one edited.

    Examples
    --------
    >>> one, two = [("a|5", "a #"), ("b|7", "b #")], [("b|7", "b #"), ("a|6", "a #")]
    >>> pairs(one, two, alike)
    {1: 0, 0: 1}
    """
    found: dict[int, int] = {}
    for part in (0, 1):
        places, taken = defaultdict(list), set(found.values())
        for j, texts in enumerate(right):
            if j not in taken:
                places[texts[part]].append(j)
        for i, texts in enumerate(left):
            if i not in found and places.get(texts[part]):
                found[i] = places[texts[part]].pop(0)
    taken = set(found.values())
    rest = [i for i in range(len(left)) if i not in found]
    others = [j for j in range(len(right)) if j not in taken]
    if len(rest) * len(others) > MOST:
        return found
    scores = [(likeness(left[i], right[j]), -i, -j) for i in rest for j in others]
    for score, i, j in sorted(scores, reverse=True):
        if score >= LIKE and -i not in found and -j not in taken:
            found[-i] = -j
            taken.add(-j)
    return found


def alike(left: Told, right: Told) -> float:
    """Return how alike two texts are, from 0 to 1: by their words in order, or by all that is in both.

    What has digits counts four times: somebody who says a thing in other words keeps its numbers.
    """
    one, two = _weighed(left[0]), _weighed(right[0])
    total = sum(one.values()) + sum(two.values())
    shared = 2 * sum((one & two).values()) / total if total else 0.0
    if len(left[1]) * len(right[1]) > MOST_LETTERS:
        return shared
    matcher = SequenceMatcher(None, left[1], right[1], autojunk=False)
    if matcher.real_quick_ratio() < LIKE or matcher.quick_ratio() < LIKE:
        return shared
    return max(shared, matcher.ratio())


@lru_cache(maxsize=4096)
def _weighed(text: str) -> Counter[str]:
    """Return the pieces of a text with their weights; marks between words have none."""
    made: Counter[str] = Counter()
    for piece in re.split(r"[\0|]", text):
        if re.search(r"\w", piece):
            made[piece] += 4 if re.search(r"[0-9]", piece) else 1
    return made


def held(part: str, whole: str) -> float:
    """Return how much of a text stands in another, in its order, from 0 to 1."""
    if not part or len(part) * len(whole) > MOST_LETTERS:
        return 0.0
    matcher = SequenceMatcher(None, part, whole, autojunk=False)
    return sum(size for _, _, size in matcher.get_matching_blocks() if size > 1) / len(part)
