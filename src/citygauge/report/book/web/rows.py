"""The rows that a chart is drawn from, as a small table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# What a chart needs for itself: keys of marks, colours, spoken lines, the places of a picture.
_OWN = frozenset({"key", "described", "highlight", "depth", "colour", "fill", "shape", "dash", "side", "way"})
_SPOKEN, _MOST = "described", 60
_GROUPED = 10_000  # from here on thousands are set apart


@dataclass(frozen=True, slots=True)
class Entry:
    """A cell: its text, and the value that was rounded for it where it is a number."""

    text: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """A table of texts, then numbers; `total` rows are there, of which the first are shown."""

    heads: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[Entry, ...], ...]
    total: int


def rows_of(rows: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> Rows | None:
    """Return what of a chart's rows a reader can use, or None where nothing is.

    Parameters
    ----------
    rows : sequence of mapping
        One field after the other, any scalar; missing and infinite numbers become a dash. Where no texts
        tell the rows apart, the line that is spoken for each (`described`) does.
    names : mapping
        What fields are called; others keep their names.
    """
    columns = _columns(rows)
    if not columns:
        return None
    texts = {name: values for name, values in columns.items() if not _is_numeric(values)}
    whole = [values for values in texts.values() if all(values)]
    spoken = tuple(row.get(_SPOKEN) for row in rows)
    if len(set(zip(*whole, strict=True))) < len(rows) and all(isinstance(line, str) for line in spoken):
        texts = {_SPOKEN: spoken, **{name: values for name, values in texts.items() if all(values)}}
    numbers = {name: values for name, values in columns.items() if _is_numeric(values)}
    entries = [tuple(Entry(value or "") for value in values) for values in texts.values()]
    entries += [_numbers(values) for values in numbers.values()]
    return Rows(
        heads=tuple(names.get(name, name) for name in (*texts, *numbers)),
        numeric=(False,) * len(texts) + (True,) * len(numbers),
        rows=tuple(zip(*entries, strict=True))[:_MOST],
        total=len(rows),
    )


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """Return the fields that tell something, each once."""
    found: dict[str, tuple[Any, ...]] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = tuple(row.get(name) for row in rows)
        if name not in _OWN and _is_told(values) and values not in found.values():
            found[name] = values
    return found


def _is_told(values: tuple[Any, ...]) -> bool:
    """Tell whether a column holds texts or numbers, and at least one that is not blank."""
    if not any(value not in (None, "") for value in values):
        return False
    return _is_numeric(values) or all(value is None or isinstance(value, str) for value in values)


def _is_numeric(values: tuple[Any, ...]) -> bool:
    return all(value is None or _is_number(value) for value in values)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _numbers(values: tuple[Any, ...]) -> tuple[Entry, ...]:
    """Return the numbers of a column with as many decimals as their size asks for."""
    known = [float(value) for value in values if value is not None and math.isfinite(value)]
    largest = max(map(abs, known), default=0.0)
    decimals = 0 if all(value.is_integer() for value in known) else 3 if largest <= 1 else 2
    form = f"{',' if largest >= _GROUPED else ''}.{decimals}f"
    return tuple(
        Entry(format(value, form).replace("-", "−"), repr(value))
        if value is not None and math.isfinite(value)
        else Entry("–")
        for value in values
    )
