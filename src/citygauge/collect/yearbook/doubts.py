"""What is left out of a file, or taken, under doubt: gathered while it is read, and said once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from citygauge.collect.yearbook.figures import Figure
from citygauge.collect.yearbook.grid import Grid
from citygauge.collect.yearbook.layout import Skipped
from citygauge.problems import Problems, Where

_COMMA = re.compile(r"[-+]?[0-9]{1,3}(?:[.][0-9]{3})*,[0-9]+")
_POINT = re.compile(r"[-+]?[0-9]{1,3}(?:[.][0-9]{3})+")


@dataclass
class Doubts:
    """The doubts about one file.

    `left` is what words beside the figures leave out, (reason, text) → cells; `mixed` are columns of text
    whose words change for figures of one name; `commas` and `points` are figures that a decimal comma would
    make other numbers of.
    """

    left: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    mixed: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    no_result: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    scaled: list[str] = field(default_factory=list)
    commas: list[str] = field(default_factory=list)
    points: list[str] = field(default_factory=list)

    def of_grid(self, grid: Grid) -> list[Skipped]:
        """Take what a sheet hides; return it as left out, figures in hidden lines never being facts."""
        places = grid.hidden_lines()
        self.hidden += [address for _, address in places]
        return [Skipped(what, address, "", "hidden") for what, address in places]

    def of_sheet(self, grid: Grid) -> Skipped:
        """Take a sheet that is hidden as a whole."""
        self.hidden.append(grid.sheet or grid.file)
        return Skipped("sheet", grid.sheet or grid.file, "", "hidden")

    def of_figure(self, figure: Figure, state: str, decimal: str) -> str:
        """Take what is doubtful about a figure of an assessed city; return why it cannot be read, if so."""
        if figure.scaled:
            self.scaled.append(figure.cell)
        if figure.no_result:
            self.no_result.append(figure.cell)
            return "no_result"
        if decimal == "." and not figure.is_number:
            shown = f"{figure.cell} {figure.text}"
            self.commas += [shown] if not state and _COMMA.fullmatch(figure.text) else []
            self.points += [shown] if state == "value" and _POINT.fullmatch(figure.text) else []
        if not state:
            self.unreadable[figure.cell] = figure.text
            return "unreadable"
        return ""

    def note(
        self, narrowed: Mapping[tuple[str, ...], Sequence[str]], where: Where, problems: Problems
    ) -> None:
        """Note all doubts; `narrowed` is what titles leave out: (title, words …) → columns."""
        for (title, *words), columns in narrowed.items():
            problems.add("yearbook.narrowed", where, columns=columns, title=title or "–", words=words)
        for (reason, text), cells in self.left.items():
            if reason == "bad_period":
                problems.add("yearbook.no-year", where, value=text, cells=cells)
            else:
                problems.add("yearbook.rows-narrowed", where, value=text, cells=cells)
        for column, header, texts in self.mixed:
            problems.add("yearbook.mixed", Where(where.file, column=column), header=header, texts=texts)
        if self.commas and self.points:
            problems.add("yearbook.decimal-comma", where, commas=self.commas, points=self.points)
        elif self.unreadable:
            shown = [f"{cell} {text}" for cell, text in self.unreadable.items()]
            problems.add("yearbook.unreadable", where, cells=shown)
        if self.no_result:
            problems.add("yearbook.formulas", where, cells=self.no_result)
        if self.hidden:
            problems.add("yearbook.hidden", where, places=self.hidden)
        if self.scaled:
            problems.add("yearbook.scaled-format", where, cells=self.scaled)
