"""What became of the numbers and names of one stretch of text that somebody edited."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

from citygauge.report.book.word.alignment import MOST_LETTERS
from citygauge.report.book.word.expected import Said
from citygauge.report.book.word.numerals import Piece, narrowed, pieces

Kind = Literal["changed", "added", "gone", "name", "order"]
_Opcodes = Sequence[tuple[str, int, int, int, int]]
_LISTED = re.compile(r"\s*(?:[、，,；;和与及]|and|&)?\s*(?:and\s+)?")


class Change(NamedTuple):
    """One change: what the report says, what stands there now, and where the report has it from."""

    kind: Kind
    expected: str
    found: str
    source: str


class _Lost(NamedTuple):
    """A number that has no partner: what stands before and behind it, and the change that it makes."""

    key: str
    around: tuple[str, str]
    change: Change


def changes(expected: Said, found: str, words: re.Pattern[str] | None = None) -> list[Change]:
    """Return the numbers and names that differ between a stretch of the report and what stands there now.

    A number that is written in another way (1,200 and 1200, 12.5% and 12.5 per cent) is no change; nor is one
    that moved along with its neighbours. A name is a change where it stands there no longer, and names that
    are listed one after the other where their order differs.
    """
    left, right = pieces(expected.text, words), pieces(found, words)
    one, two = [piece.key for piece in left], [piece.key for piece in right]
    if one == two:
        return []
    if len(one) * len(two) > MOST_LETTERS:
        steps: _Opcodes = [("replace", 0, len(one), 0, len(two))]
    else:
        steps = SequenceMatcher(None, one, two, autojunk=False).get_opcodes()
    made: list[Change] = []
    gone: list[_Lost] = []
    added: list[_Lost] = []
    for tag, i1, i2, j1, j2 in steps:
        if tag != "equal":
            _step(expected, (left, i1, i2), (right, j1, j2), (made, gone, added))
    for lost in list(gone):
        moved = next((one for one in added if one.key == lost.key and _beside(one, lost)), None)
        if moved is not None:
            gone.remove(lost)
            added.remove(moved)
    made += [lost.change for lost in (*gone, *added)]
    return made + list(_names(expected, found, left, right, steps))


Side = tuple[Sequence[Piece], int, int]


def _step(expected: Said, one: Side, two: Side, into: tuple[list[Change], list[_Lost], list[_Lost]]) -> None:
    """Take a stretch that was replaced: numbers that are still there drop out, others are told in pairs."""
    made, gone, added = into
    before = [i for i in range(one[1], one[2]) if one[0][i].number]
    after = [j for j in range(two[1], two[2]) if two[0][j].number]
    same = SequenceMatcher(
        None, [one[0][i].key for i in before], [two[0][j].key for j in after], autojunk=False
    )
    for tag, i1, i2, j1, j2 in same.get_opcodes():
        if tag == "equal":
            continue
        both = min(i2 - i1, j2 - j1)
        for i, j in zip(before[i1 : i1 + both], after[j1 : j1 + both], strict=True):
            source = expected.source_at(one[0][i].start)
            made.append(Change("changed", one[0][i].text.strip(), two[0][j].text.strip(), source))
        for i in before[i1 + both : i2]:
            piece = one[0][i]
            change = Change("gone", piece.text.strip(), "", expected.source_at(piece.start))
            gone.append(_Lost(piece.key, _around(one[0], i), change))
        for j in after[j1 + both : j2]:
            piece = two[0][j]
            added.append(_Lost(piece.key, _around(two[0], j), Change("added", "", piece.text.strip(), "")))


def _around(found: Sequence[Piece], place: int) -> tuple[str, str]:
    before = found[place - 1].key if place else ""
    return before, found[place + 1].key if place + 1 < len(found) else ""


def _beside(one: _Lost, two: _Lost) -> bool:
    return any(a == b for a, b in zip(one.around, two.around, strict=True))


def _names(
    expected: Said, found: str, left: Sequence[Piece], right: Sequence[Piece], steps: _Opcodes
) -> Iterator[Change]:
    """Yield names that stand there no longer, and lists of names in another order."""
    now = narrowed(found).casefold()
    names = [mark for mark in expected.marks if mark[2].source.startswith("name|") and mark[2].text]
    for start, end, span in names:
        if narrowed(span.text).casefold() not in now:
            yield Change("name", span.text, _opposite(start, end, found, left, right, steps), span.source)
    for listed in _lists(expected.text, names):
        texts = list(dict.fromkeys(expected.text[start:end] for start, end, _ in listed))
        places = [now.find(narrowed(text).casefold()) for text in texts]
        if min(places) >= 0 and places != sorted(places):
            turned = [text for _, text in sorted(zip(places, texts, strict=True))]
            yield Change("order", "、".join(texts), "、".join(turned), listed[0][2].source)


def _lists(text: str, names: Sequence[tuple[int, int, object]]) -> Iterator[list]:  # type: ignore[type-arg]
    """Yield the names that stand one after the other with nothing but a comma or an “and” between them."""
    run: list = []  # type: ignore[type-arg]
    for mark in names:
        if run and not _LISTED.fullmatch(text, run[-1][1], mark[0]):
            if len(run) > 1:
                yield run
            run = []
        run.append(mark)
    if len(run) > 1:
        yield run


def _opposite(
    start: int, end: int, found: str, left: Sequence[Piece], right: Sequence[Piece], steps: _Opcodes
) -> str:
    """Return what stands now where a stretch of the report's text stood."""
    inside = [i for i, piece in enumerate(left) if start <= piece.start < end]
    if not inside:
        return ""
    first, last = inside[0], inside[-1] + 1
    began = ended = 0
    for tag, i1, i2, j1, j2 in steps:
        if i1 <= first < i2:
            began = j1 + (first - i1 if tag == "equal" else 0)
        if i1 < last <= i2:
            ended = j1 + (last - i1) if tag == "equal" else j2
    if ended <= began:
        return ""
    return found[right[began].start : right[ended - 1].start + len(right[ended - 1].text)]
