"""The protected cells of a returned sheet are held against the prints that were sent out with the book."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from citygauge.collect.citybook.form import entry_line
from citygauge.collect.citybook.layout import (
    COLUMNS,
    FACTS_COLUMNS,
    FIRST_ROW,
    HEADER_ROW,
    Book,
    Given,
    Line,
    Table,
    address,
    evidence_table,
    plain,
    prints_of,
    title_of,
)
from citygauge.collect.citybook.raw import Place, RawSheet
from citygauge.collect.citybook.texts import say
from citygauge.framework.model import Framework
from citygauge.problems import Problem, Problems, Where

_STATE = [column.key for column in FACTS_COLUMNS].index("recorded_state")  # blank in headings
_SLACK = 500  # rows below those of the form in which its codes are still looked for
Prints = Sequence[tuple[str, str, str]]


@dataclass(slots=True)
class Structure:
    """One sheet of a returned book.

    `refusals` are why nothing of the book can be read; `faults` are changed rows, each with the cell to
    mark: these rows alone are held back.
    """

    file: str
    key: str
    sheet: RawSheet
    book: Book
    prints: Prints
    refusals: Problems = field(default_factory=Problems)
    faults: list[tuple[Place, Problem]] = field(default_factory=list)
    moved: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the sheet."""
        return say("sheets", self.key, self.book.language)

    def table(self, framework: Framework) -> Table:
        """Return the sheet's table with its rows as they stand in the file, noting every change."""
        columns = COLUMNS[self.key]
        header = next((told for key, code, told in self.prints if key == self.key and not code), "").split()
        self._check_header(columns, header)
        self._check_title()
        if self.refusals.errors:
            return Table(self.key, columns, ())
        if self.key == "evidence":
            return evidence_table()
        wanted = {code: told.split() for key, code, told in self.prints if key == self.key and code}
        n_given = sum(not column.owner for column in columns)
        rows = list(self._used_rows(wanted, n_given))
        held = self._check_rows(rows, wanted, n_given)
        lines = [
            self._line(row, framework, n_given, is_held=row in held) for row in range(FIRST_ROW, _end(rows))
        ]
        return Table(self.key, columns, tuple(lines))

    def in_order(self) -> list[tuple[str, str, str]]:
        """Return the prints of the sheet in the order in which its rows stand now."""
        own = [line for line in self.prints if line[0] == self.key]
        at = {code: i for i, code in enumerate(self.moved)}
        return sorted(own, key=lambda line: (line[1] != "", at.get(line[1], -1))) if self.moved else own

    def _line(self, row: int, framework: Framework, n_given: int, *, is_held: bool) -> Line:
        code = self.sheet.text(row, 0)
        given = tuple(self._given(row, at) for at in range(n_given))
        if code not in framework:
            return Line(code, given, is_held=True)
        is_heading = bool(framework.children(code)) if self.key == "form" else given[_STATE] is None
        if is_held:
            return replace(Line(code, given), is_held=True)
        return entry_line(framework[code], given, self.book.language, is_heading=is_heading)

    def _given(self, row: int, at: int) -> Given:
        cell = self.sheet.cells.get((row, at))
        return None if cell is None else cell.text if cell.number is None else cell.number

    def _print(self, row: int, at: int) -> str:
        return prints_of([self._given(row, at)])

    def _where(self, row: int, at: int = 0) -> Where:
        header = self.sheet.text(HEADER_ROW, at)
        return Where(self.file, self.name, row + 1, f"{address(row, at)} ({header})" if header else
                     address(row, at))  # fmt: skip

    def _fault(self, name: str, row: int, at: int = 0, /, **values: object) -> None:
        self.faults.append(((row, at), Problem(name, self._where(row, at), values)))

    def _check_title(self) -> None:
        """Note a sheet that was taken from the book of another city, period or kind."""
        expected, found = title_of(self.key, self.book.identity), self.sheet.text(0, 0)
        if plain(found) != plain(expected):
            where = Where(self.file, self.name, 1, "A1")
            self.refusals.add("collect.sheet-of-another-book", where, title=found or "–", expected=expected)

    def _check_header(self, columns: Sequence[object], header: Sequence[str]) -> None:
        """Note a head that was changed, or that is no longer in its row."""
        width = len(columns)
        if len(header) != width:
            self.refusals.add("collect.identification-changed", Where(self.file))
            return
        changed = [at for at in range(width) if self._print(HEADER_ROW, at) != header[at]]
        if not changed:
            return
        moved = [
            row for row in range(min(self.sheet.n_rows, _SLACK))
            if all(self._print(row, at) == header[at] for at in range(width))
        ]  # fmt: skip
        if moved and moved[0] > HEADER_ROW:
            self.refusals.add("collect.row-inserted", Where(self.file, self.name, HEADER_ROW + 1), code="–")
        elif moved:
            self.refusals.add("collect.row-deleted", Where(self.file, self.name, moved[0] + 1), codes=["–"])
        else:
            for at in changed:
                value = self.sheet.text(HEADER_ROW, at)
                self.refusals.add("collect.protected-changed", self._where(HEADER_ROW, at), value=value)

    def _check_rows(self, used: Sequence[int], wanted: Mapping[str, list[str]], n_given: int) -> set[int]:
        """Return the rows that are held back, noting what was inserted, deleted, repeated or changed."""
        rows: dict[str, list[int]] = {}
        strange = []
        for row in used:
            code = self.sheet.text(row, 0)
            rows.setdefault(code, []).append(row) if code in wanted else strange.append(row)
        held = set(strange)
        absent = [code for code in wanted if code not in rows]
        for row in strange:
            self._note_strange(row, wanted, absent, n_given)
        for code, places in rows.items():
            if len(places) > 1:
                for row in places:
                    self._fault("collect.row-repeated", row, code=code, rows=[r + 1 for r in places])
                held.update(places)
                continue
            for at in range(1, n_given):
                if self._print(places[0], at) != wanted[code][at]:
                    value = self.sheet.text(places[0], at)
                    self._fault("collect.protected-changed", places[0], at, value=value)
                    held.add(places[0])
        first = {code: places[0] for code, places in rows.items()}
        self._note_absent(absent, list(wanted), first)
        self._note_order(list(wanted), first)
        return held

    def _note_strange(
        self, row: int, wanted: Mapping[str, list[str]], absent: list[str], n_given: int
    ) -> None:
        """Note a row whose code is none of the form's: one that was renamed, or one that was inserted."""
        told = [self._print(row, at) for at in range(1, n_given)]
        renamed = next((code for code in absent if wanted[code][1:] == told), None)
        if renamed is not None:
            absent.remove(renamed)
            self._fault("collect.code-changed", row, code=renamed, value=self.sheet.text(row, 0))
        else:
            self._fault("collect.row-inserted", row, code=self.sheet.text(row, 0) or "–")

    def _note_absent(self, absent: Sequence[str], wanted: Sequence[str], rows: Mapping[str, int]) -> None:
        """Note each row that is gone, at the place where it stood."""
        for code in absent:
            before = [rows[other] for other in wanted[: wanted.index(code)] if other in rows]
            self._fault("collect.row-deleted", before[-1] + 1 if before else FIRST_ROW, codes=[code])

    def _note_order(self, wanted: Sequence[str], rows: Mapping[str, int]) -> None:
        """Note rows that were moved; each is found by its code."""
        order = sorted(rows, key=rows.__getitem__)
        before = [code for code in wanted if code in rows]
        if order != before:
            self.moved = (*order, *(code for code in wanted if code not in rows))
            moved = [code for code, own in zip(order, before, strict=True) if code != own]
            self.faults.append(
                ((0, 0), Problem("collect.rows-reordered", Where(self.file, self.name), {"codes": moved}))
            )

    def _used_rows(self, wanted: Mapping[str, list[str]], n_given: int) -> Iterator[int]:
        """Give the rows of the table; what stands below the last of them is no row of ours."""
        end = FIRST_ROW + len(wanted)
        reach = min(self.sheet.n_rows, end + _SLACK)
        codes = [row for row in range(FIRST_ROW, reach) if self.sheet.text(row, 0) in wanted]
        last = max(codes, default=0)
        for row in range(FIRST_ROW, max(last + 1, end)):
            if row <= last or any(self.sheet.text(row, at) for at in range(n_given)):
                yield row


def _end(rows: Sequence[int]) -> int:
    return max(rows, default=FIRST_ROW - 1) + 1
