"""What people changed in a Word file of a report that its results do not say."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import ParseError

from citygauge.problems import InputError, Problems, Where
from citygauge.report.book.document import Document, Grid, Heading, plain
from citygauge.report.book.word.alignment import MOST, alike, held, pairs
from citygauge.report.book.word.archive import looked_at
from citygauge.report.book.word.changes import Kind, changes
from citygauge.report.book.word.expected import Said, joined, label_words, named, texts_of
from citygauge.report.book.word.grids import GridCheck, matched
from citygauge.report.book.word.numerals import key_of
from citygauge.report.book.word.reading import Block, Table, blocks_in

__all__ = ["Difference", "differences"]

_HELD = 0.85  # of a text that stands in another one: somebody split a paragraph there, or drew two together
_LEAST = 6  # characters from which that is told from chance


@dataclass(frozen=True, slots=True)
class Difference:
    """A number or a name of an edited file that is not as the results have it.

    Attributes
    ----------
    where : str
        The chapter and the beginning of the paragraph, or the table with row and column, in the language of
        the report.
    kind : str
        ``changed`` (a number is another one), ``added`` (a number that the report does not have there),
        ``gone`` (a number, or a whole table, that stands there no longer), ``name`` (a name is another one,
        or gone), ``order`` (a list of names, a numbered list or the rows of a table in another order).
    expected, found : str
        As the report prints it, and as it stands in the file; blank for nothing.
    source : str
        `Bound.source` of what the report prints; blank for the report's own words.
    """

    where: str
    kind: Kind
    expected: str
    found: str
    source: str


def differences(edited: bytes, document: Document, file: str = "") -> list[Difference]:
    """Return what an edited Word file says otherwise than the report that it was made from, in its order.

    Paragraphs, captions and cells are found again by what they say beside their numbers, wherever they were
    moved, and when they were split or drawn together; changes that Word tracked count as accepted. Only
    numbers, names and their order are compared: other words are for people to change. Numbers in words
    (三成, a dozen) and digits that belong to a word (5G) are no numbers; contents, headers, footers and
    footnotes are not read.

    Parameters
    ----------
    edited : bytes
        A ``.docx`` file, made by `docx_of` and edited since.
    document : Document
        The report as it is made from the results today.
    file : str
        The name of the file, for what is wrong with it.

    Raises
    ------
    InputError
        When it is no Word file, or one that must not be read (see `word.archive.looked_at`).
    """
    blocks = _read(edited, file)
    words, chinese = label_words(document), document.language == "zh"
    tables = matched(document.grids, blocks, words)
    check = _Texts(document, words)
    texts: list[str] = []
    for place, block in enumerate(blocks):
        if isinstance(block, str):
            texts.append(block)
        elif place not in tables.values():
            texts += [text for row in block.rows for cell in row for text in cell.texts if text]
    found = list(check.differences(texts))
    for number, grid in enumerate(document.grids):
        at = check.place_of(grid)
        if number in tables:
            table = blocks[tables[number]]
            assert isinstance(table, Table)
            now = GridCheck(grid, table.columns(), words, chinese=chinese)
            found += [(at, Difference(where, *change)) for where, change in now.changes()]
        else:
            whole = f"{grid.label}  {plain(grid.caption)}"
            found.append((at, Difference(grid.label, "gone", whole, "", "")))
    return [one for _, one in sorted(found, key=lambda pair: pair[0])]


def _read(edited: bytes, file: str) -> list[Block]:
    """Return the blocks of a file that may be read."""
    problems = Problems()
    archive = looked_at(edited, problems, file)
    problems.raise_errors()
    assert archive is not None
    try:
        with archive:
            return blocks_in(archive)
    except (ParseError, zipfile.BadZipFile, LookupError, ValueError) as error:
        problems.add("report.not-word", Where(file or None))
        raise InputError(problems) from error


class _Texts:
    """Compares what stands outside tables with one report."""

    def __init__(self, document: Document, words: re.Pattern[str]) -> None:
        self._chinese = document.language == "zh"
        self._words = words
        self._said = list(texts_of(document))
        headings = [block for block in document.blocks if isinstance(block, Heading)]
        self._headings = {plain(block.spans): block.number for block in headings if block.number}

    def place_of(self, grid: Grid) -> int:
        """Return the place of a table among the texts: that of its caption."""
        return next((i for i, one in enumerate(self._said) if one.where == grid.label), len(self._said))

    def differences(self, found: Sequence[str]) -> Iterator[tuple[int, Difference]]:
        """Yield what differs outside tables, each with the place of the text that it belongs to."""
        now = [self._unnumbered(text) for text in found]
        left, right = (
            [key_of(one.text, self._words) for one in self._said],
            [key_of(text, self._words) for text in now],
        )
        paired = pairs(left, right, alike)
        groups = _grouped(paired, left, right)
        for ours, theirs in groups:
            if (
                ours
                and theirs
                and self._said[ours[0]].text == now[theirs[0]]
                and len(ours) == len(theirs) == 1
            ):
                continue
            there = joined([self._said[i] for i in ours]) if ours else None
            text = " ".join(now[j] for j in theirs)
            at, where = self._place(ours, theirs, paired, text)
            for change in changes(there or Said("", ""), text, self._words):
                if theirs or change.kind == "gone":  # of a paragraph that is gone the names are no news
                    yield at, Difference(where, *change)
        yield from self._orders(paired, now)

    def _place(
        self, ours: list[int], theirs: list[int], paired: dict[int, int], text: str
    ) -> tuple[int, str]:
        """Return the place of a text, and its name: a new one stands behind what is before it."""
        if ours:
            return ours[0], self._said[ours[0]].where
        before = max((i for i, j in paired.items() if j < theirs[0]), key=lambda i: paired[i], default=-1)
        chapter = self._said[before].chapter if before >= 0 else ""
        return before, named(text, chapter, chinese=self._chinese)

    def _unnumbered(self, text: str) -> str:
        """Return a heading without the number that stands before it as text."""
        for heading, number in self._headings.items():
            if text.startswith(number) and text[len(number) :].strip() == heading:
                return heading
        return text

    def _orders(self, paired: dict[int, int], now: Sequence[str]) -> Iterator[tuple[int, Difference]]:
        """Yield the numbered lists whose items stand in another order."""
        lists: dict[int, list[int]] = {}
        for i, one in enumerate(self._said):
            if one.list_of >= 0 and i in paired:
                lists.setdefault(one.list_of, []).append(i)
        for items in lists.values():
            turned = sorted(items, key=lambda i: paired[i])
            if turned != items:
                texts = [self._said[i].text for i in items], [now[paired[i]] for i in turned]
                before, after = ("；".join(part) if self._chinese else "; ".join(part) for part in texts)
                yield items[0], Difference(self._said[items[0]].where, "order", before, after, "")


def _grouped(
    paired: dict[int, int], left: Sequence[tuple[str, str]], right: Sequence[tuple[str, str]]
) -> list[tuple[list[int], list[int]]]:
    """Return which texts belong together, several on a side where some were split or drawn together."""
    groups = {i: ([i], [j]) for i, j in paired.items()}
    open_groups = [group for i, group in groups.items() if left[i][0] != right[paired[i]][0]]
    lone = [([i], list[int]()) for i in range(len(left)) if i not in groups]
    taken = set(paired.values())
    extra = [j for j in range(len(right)) if j not in taken]
    hosts = [*open_groups, *lone]
    few = len(extra) * len(hosts) <= MOST
    new: list[tuple[list[int], list[int]]] = []
    for j in extra:
        best = (
            max(hosts, key=lambda group: held(right[j][1], left[group[0][0]][1]), default=None)
            if few
            else None
        )
        if best and len(right[j][1]) >= _LEAST and held(right[j][1], left[best[0][0]][1]) >= _HELD:
            best[1].append(j)
            best[1].sort()
        else:
            new.append(([], [j]))
    for group in [group for group in lone if not group[1]]:
        i = group[0][0]
        wider = [one for one in open_groups if one[1]]
        best = max(wider, key=lambda one: held(left[i][1], right[one[1][0]][1]), default=None)
        if best and len(left[i][1]) >= _LEAST and held(left[i][1], right[best[1][0]][1]) >= _HELD:
            best[0].append(i)
            best[0].sort()
            lone.remove(group)
    return [*groups.values(), *lone, *new]
