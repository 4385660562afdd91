"""Numbers as they are printed: each is bound to the cell or the declared fact it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import polars as pl
from markupsafe import Markup

from citygauge.problems import InputError, Language, Problem
from citygauge.report.book.document import Bound, Reference
from citygauge.report.marks import rounded, signed

Form = Literal["score", "percent", "count", "ratio", "p", "told_p", "amount"]

# How the figures of a column are written, whatever table it stands in; all others are scores.
_COLUMNS: Mapping[Form, tuple[str, ...]] = {
    "percent": (
        "share", "share_known", "weight", "effective_weight", "chance", "p_own", "p_other", "first_low",
        "first_high", "ranks_low", "ranks_high", "grades_low", "grades_high",
    ),
    "count": (
        "n", "count", "rank", "n_groups", "ungrouped", "indicators", "units", "observations", "first_choice",
        "missing", "not_applicable", "not_measurable", "imputed", "known", "expected", "place", "n_grade",
        "n_peers", "n_children", "left_out", "cluster", "level", "k", "on_frontier", "total",
    ),
    "ratio": (
        "pearson", "spearman", "kendall", "pearson_low", "pearson_high", "spearman_low", "spearman_high",
        "kendall_low", "kendall_high", "partial",
        "eta_squared", "omega_squared", "epsilon_squared", "gini",
        "cv", "r", "r_squared", "moran", "alpha", "coordination", "coupling", "silhouette", "welch_f",
        "kruskal_h", "z", "efficiency_constant", "efficiency_variable", "scale_efficiency", "first",
        "total_effect", "effect",
    ),
    "p": ("pearson_p", "spearman_p", "kendall_p", "welch_p", "kruskal_p", "p", "p_permutation"),
    "amount": (
        "amount", "low", "high", "effort", "rank_median", "rank_p05", "rank_p95", "rank_width",
        "mean_abs_shift",
    ),
}  # fmt: skip
FORMS: Mapping[str, Form] = {column: form for form, columns in _COLUMNS.items() for column in columns}
RATIO_DECIMALS, SHARE_DECIMALS, LEAST_P = 2, 1, 0.001


def _percent(value: float) -> str:
    return rounded(value * 100, SHARE_DECIMALS).removesuffix(".0") + "%"


def _p_value(value: float) -> str:
    return f"<{LEAST_P}" if value < LEAST_P else rounded(value, 3)


def _told_p(value: float) -> str:
    text = _p_value(value)
    return text if text.startswith("<") else f"={text}"


def _amount(value: float) -> str:
    return rounded(value, 0 if abs(value) >= 100 else 1).removesuffix(".0")


_WRITTEN: Mapping[Form, Callable[[float], str]] = {
    "count": partial(rounded, decimals=0),
    "ratio": partial(rounded, decimals=RATIO_DECIMALS),
    "percent": _percent,
    "p": _p_value,
    "told_p": _told_p,
    "amount": _amount,
}


def printed_value(text: str) -> float:
    """Return the number that a reader of a print has.

    >>> printed_value("−0.5"), printed_value("12.5%"), printed_value("<0.001")
    (-0.5, 0.125, 0.0)
    """
    plain = text.replace("−", "-").removeprefix("=").removeprefix("+")
    if plain.startswith("<"):
        return 0.0
    return float(plain.removesuffix("%")) / (100 if plain.endswith("%") else 1)


@dataclass(frozen=True)
class Number:
    """A number on its way into a text: its value, where it comes from, and how it is written.

    It compares as it is printed: two figures that print alike are equal, so that no sentence can tell a
    difference that its table does not show.
    """

    value: float | None
    source: str
    form: Form = "score"
    decimals: int = 2
    plus: bool = False

    @property
    def text(self) -> str:
        """Return it as it is printed; a dash for none."""
        if self.value is None:
            return "–"
        text = self._written(self.value)
        return signed(text) if self.plus else text

    def _written(self, value: float) -> str:
        write = _WRITTEN.get(self.form)
        return write(value) if write else rounded(value, self.decimals)

    @property
    def printed(self) -> float:
        """The number that a reader of the print has."""
        if self.value is None:
            return float("nan")
        return printed_value(self._written(self.value))

    def kept(self, *, as_printed: bool) -> float | None:
        """Return the value that stands behind the print."""
        return self.printed if as_printed and self.value is not None else self.value

    def __lt__(self, other: Number | float) -> bool:
        return self.printed < _printed(other)

    def __gt__(self, other: Number | float) -> bool:
        return self.printed > _printed(other)

    def __le__(self, other: Number | float) -> bool:
        return self.printed <= _printed(other)

    def __ge__(self, other: Number | float) -> bool:
        return self.printed >= _printed(other)

    def __bool__(self) -> bool:
        return self.value is not None

    def signed(self) -> Number:
        """Return it with a plus or a minus before it."""
        return replace(self, plus=True)

    def size(self) -> Number:
        """Return it without its sign: how far, whichever way."""
        return replace(self, value=None if self.value is None else abs(self.value))


def _printed(other: Number | float) -> float:
    return other.printed if isinstance(other, Number) else other


@dataclass(frozen=True)
class Name:
    """A name that stands in the data: of a node, a unit, a group; it may hold digits."""

    text: str
    source: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Line:
    """One row of a table of evidence, its figures bound to their cells.

    ``line.mean`` is a `Number` for a number and a `Name` for a text; `where` tells the row.
    """

    table: str
    cells: Mapping[str, Any]
    where: str
    decimals: int

    def __getattr__(self, column: str) -> Any:
        if column.startswith("_") or column not in self.cells:
            raise AttributeError(f"{self.table} has no column {column}")
        return self._cell(column)

    def _cell(self, column: str) -> Number | Name | None:
        cell, source = self.cells[column], f"{self.table}|{column}|{self.where}"
        if isinstance(cell, str):
            return Name(cell, f"name|{source}")
        if isinstance(cell, bool):
            return Number(float(cell), source, "count")
        return Number(
            None if cell is None else float(cell), source, FORMS.get(column, "score"), self.decimals
        )

    def raw(self, column: str) -> Any:
        """Return a cell as it is, for choosing and sorting."""
        return self.cells[column]


@dataclass
class Evidence:
    """The tables a report is written from, each computed when it is first asked for.

    Parameters
    ----------
    makers : mapping
        Name of a table → what computes it.
    decimals : int
        Decimals of scores.
    parent : Evidence, optional
        Where tables are found that it does not have itself.
    left_out : mapping
        Table → why it could not be computed, of those that a chapter asked for.
    """

    makers: Mapping[str, Callable[[], pl.DataFrame]]
    decimals: int
    made: dict[str, pl.DataFrame] = field(default_factory=dict)
    parent: Evidence | None = None
    left_out: dict[str, tuple[Problem, ...]] = field(default_factory=dict)

    def table(self, name: str) -> pl.DataFrame:
        """Return a table."""
        if name not in self.makers and self.parent is not None:
            return self.parent.table(name)
        return self.kept(name, self.makers[name])

    def kept(self, name: str, make: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """Return a table that is computed once, whoever asks first."""
        if name not in self.made:
            self.made[name] = make()
        return self.made[name]

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a table; one that the data do not allow is noted in `left_out`."""
        if name not in self.makers:
            return self.parent is not None and name in self.parent
        if name in self.left_out:
            return False
        try:
            self.table(str(name))
        except InputError as error:
            self.left_out[str(name)] = error.problems
        return name not in self.left_out

    @property
    def reasons(self) -> tuple[Problem, ...]:
        """Why tables are left out, each reason once."""
        above = self.parent.reasons if self.parent is not None else ()
        own = tuple(problem for found in self.left_out.values() for problem in found)
        return tuple({(problem.code, problem.text("en")): problem for problem in (*above, *own)}.values())

    def lines(self, name: str, **where: Any) -> list[Line]:
        """Return the rows of a table whose columns have these values (a list: one of them), in order."""
        frame = self.table(name)
        for column, wanted in where.items():
            if isinstance(wanted, list | tuple | set | frozenset):
                frame = frame.filter(pl.col(column).is_in(list(wanted)))
            else:
                frame = frame.filter(pl.col(column).eq_missing(pl.lit(wanted)))
        keys = [column for column in KEYS if column in frame.columns]
        return [
            Line(name, row, ",".join(f"{key}={row[key]}" for key in keys), self.decimals)
            for row in frame.to_dicts()
        ]

    def line(self, name: str, **where: Any) -> Line:
        """Return the one row of a table whose columns have these values."""
        found = self.lines(name, **where)
        if len(found) != 1:
            raise LookupError(f"{len(found)} rows of {name} with {where}")
        return found[0]


KEYS = (
    "grade", "unit_code", "group", "layer", "step", "start", "end", "channel", "code", "code_a", "code_b",
    "cluster", "advice", "key", "peer_code", "period", "factor",
)  # fmt: skip
_FIRST = 0xF0000


@dataclass
class Marks:
    """The bound parts of a text while it is still Markdown: each stands in it as one private character.

    `as_printed` keeps no more digits of a figure than are printed: on illustrative data more would tell which
    neutral name is whose.
    """

    language: Language
    as_printed: bool = False
    parts: list[Bound | Reference | str] = field(default_factory=list)

    def mark(self, part: Bound | Reference | str) -> str:
        """Keep a part and return the character that stands for it."""
        self.parts.append(part)
        return chr(_FIRST + len(self.parts) - 1)

    def bound(self, part: Number | Name) -> str:
        """Return the character that stands for a figure or a name."""
        value = part.text if isinstance(part, Name) else part.kept(as_printed=self.as_printed)
        return self.mark(Bound(part.text, part.source, value))

    def at(self, char: str) -> Bound | Reference | str | None:
        """Return what a character stands for; None for one of the text's own."""
        place = ord(char) - _FIRST
        return self.parts[place] if 0 <= place < len(self.parts) else None

    def plain(self, text: str) -> str:
        """Return a marked text in words."""
        return "".join(self._words(char) for char in text)

    def _words(self, char: str) -> str:
        part = self.at(char)
        if part is None:
            return char
        return "" if isinstance(part, str) else part.text


def listed(parts: Sequence[str], language: Language) -> Markup:
    """Return marked parts as a list in words: A、B和C; A, B and C."""
    if len(parts) < 2:
        return Markup("".join(parts))
    comma, last = ("、", "和") if language == "zh" else (", ", " and ")
    return Markup(comma.join(parts[:-1]) + last + parts[-1])
