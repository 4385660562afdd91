"""Write a framework as CSV folder, workbook or YAML; each reads back to the same framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import tomli_w
import xlsxwriter
import yaml

from citygauge.files import write_csv
from citygauge.framework.model import FRAMEWORK_COLUMNS, Framework, Node
from citygauge.framework.rollup import item_row, lookup_row, rollup_row
from citygauge.framework.rubric import format_rubric, number_text
from citygauge.framework.scheme import format_scheme


def write_framework(framework: Framework, path: str | Path) -> None:
    """Write a framework; the suffix of `path` chooses the form.

    ``.csv`` writes the table and, beside it, ``framework.toml``, ``unit_names.csv`` and ``weights/``;
    ``.xlsx`` and ``.yaml`` hold everything in one file.

    Raises
    ------
    ValueError
        When the suffix is none of the three.
    """
    path = Path(path)
    writers = {".csv": _write_folder, ".xlsx": _write_workbook, ".yaml": _write_yaml, ".yml": _write_yaml}
    if path.suffix.lower() not in writers:
        raise ValueError(f"{path.name}: a framework is written as .csv, .xlsx or .yaml")
    path.parent.mkdir(parents=True, exist_ok=True)
    writers[path.suffix.lower()](framework, path)


def framework_files(framework: Framework, path: Path) -> list[Path]:
    """Return every file that `write_framework` would write for this path."""
    if path.suffix.lower() != ".csv":
        return [path]
    beside: dict[str, Any] = {"framework.toml": about(framework), "unit_names.csv": framework.unit_names}
    beside |= {f"{name}.csv": rows for name, rows in inside(framework).items()}
    files = [path, *(path.with_name(name) for name, content in beside.items() if content)]
    return files + [path.with_name("weights") / f"{name}.csv" for name in framework.weight_sets]


def framework_frame(framework: Framework) -> pl.DataFrame:
    """Return the nodes as a table of text with the contract's columns, other languages and extras last."""
    rows = [node_row(node, framework.levels[node.code]) for node in framework]
    columns = list(dict.fromkeys([*FRAMEWORK_COLUMNS, *(column for row in rows for column in row)]))
    return pl.DataFrame(
        {c: pl.Series([row.get(c) or None for row in rows], dtype=pl.String) for c in columns}
    )


def node_row(node: Node, level: int) -> dict[str, str]:
    """Return a node as one row of ``framework.csv``, every cell text."""
    numbers = {
        name: number_text(getattr(node, name))
        for name in ("weight", "points", "cap", "low", "high", "target_low", "target_high")
    }
    return {
        "code": node.code,
        "parent": node.parent or "",
        "level": str(level),
        **numbers,
        **{f"name_{language}": text for language, text in node.name.items()},
        **{f"definition_{language}": text for language, text in node.definition.items()},
        "direction": "" if node.direction is None else str(node.direction),
        "denominator_scale": "" if node.denominator_scale == 1 else number_text(node.denominator_scale),
        "rubric": format_rubric(node.rubric),
        "scheme": format_scheme(node.scheme),
        "channels": ";".join(node.channels),
        **{
            name: getattr(node, name)
            for name in ("role", "unit", "denominator", "scale", "source", "counterpart")
        },
        **node.extra,
    }


def about(framework: Framework) -> dict[str, str]:
    """Return code, titles, descriptions, source, licence and strata as flat keys, without what is blank."""
    data = {"code": framework.code}
    data |= {f"title_{language}": text for language, text in framework.title.items()}
    data |= {f"description_{language}": text for language, text in framework.description.items()}
    data |= {"source": framework.source, "licence": framework.licence, "strata": framework.strata}
    return {key: text for key, text in data.items() if text}


def inside(framework: Framework) -> dict[str, list[dict[str, str]]]:
    """Return what is said of the things inside a unit, as rows of text by the name of the table."""
    tables = {
        "items": [item_row(item) for item in framework.items],
        "rollups": [rollup_row(rule) for rule in framework.rollups],
        "lookups": [lookup_row(row) for row in framework.lookups],
    }
    return {name: rows for name, rows in tables.items() if rows}


def _text_frame(rows: Sequence[Mapping[str, str]]) -> pl.DataFrame:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    return pl.DataFrame({c: pl.Series([r.get(c) or None for r in rows], dtype=pl.String) for c in columns})


def _unit_frame(framework: Framework) -> pl.DataFrame:
    languages = list(dict.fromkeys(language for names in framework.unit_names.values() for language in names))
    columns = {"unit": list(framework.unit_names)}
    columns |= {
        f"name_{la}": [names.get(la, "") for names in framework.unit_names.values()] for la in languages
    }
    return pl.DataFrame(columns)


def _write_folder(framework: Framework, path: Path) -> None:
    write_csv(framework_frame(framework), path)
    if words := about(framework):
        path.with_name("framework.toml").write_text(tomli_w.dumps(words), encoding="utf-8", newline="\n")
    if framework.unit_names:
        write_csv(_unit_frame(framework), path.with_name("unit_names.csv"))
    for name, rows in inside(framework).items():
        write_csv(_text_frame(rows), path.with_name(f"{name}.csv"))
    for name, weights in framework.weight_sets.items():
        folder = path.with_name("weights")
        folder.mkdir(exist_ok=True)
        write_csv(
            pl.DataFrame({"code": list(weights), "weight": list(weights.values())}), folder / f"{name}.csv"
        )


def _write_workbook(framework: Framework, path: Path) -> None:
    """Write one sheet for each table of the folder; text stays text, ``=…`` too."""
    # xlsxwriter would make formulas, links and numbers out of text unless told not to.
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(path, options) as workbook:
        bold = workbook.add_format({"bold": True})
        _fill_sheet(workbook.add_worksheet("framework"), framework_frame(framework), bold)
        if framework.weight_sets:
            _fill_sheet(workbook.add_worksheet("weights"), _weight_frame(framework.weight_sets), bold)
        if words := about(framework):
            frame = pl.DataFrame({"key": list(words), "text": list(words.values())})
            _fill_sheet(workbook.add_worksheet("about"), frame, bold)
        if framework.unit_names:
            _fill_sheet(workbook.add_worksheet("unit_names"), _unit_frame(framework), bold)
        for name, rows in inside(framework).items():
            _fill_sheet(workbook.add_worksheet(name), _text_frame(rows), bold)


def _weight_frame(sets: Mapping[str, Mapping[str, float]]) -> pl.DataFrame:
    codes = list(dict.fromkeys(code for weights in sets.values() for code in weights))
    columns = {
        name: [number_text(weights.get(code)) or None for code in codes] for name, weights in sets.items()
    }
    return pl.DataFrame({"code": codes, **columns})


def _fill_sheet(sheet: Any, frame: pl.DataFrame, bold: Any) -> None:
    sheet.write_row(0, 0, frame.columns, bold)
    for index, row in enumerate(frame.iter_rows(), 1):
        for column, text in enumerate(row):
            if text is not None:
                sheet.write_string(index, column, text)
    sheet.freeze_panes(1, 1)


def _write_yaml(framework: Framework, path: Path) -> None:
    rows = [{k: v for k, v in node_row(n, framework.levels[n.code]).items() if v} for n in framework]
    data: dict[str, Any] = {
        **about(framework),
        "nodes": rows,
        "weights": {name: dict(weights) for name, weights in framework.weight_sets.items()},
        "unit_names": {unit: dict(names) for unit, names in framework.unit_names.items()},
        **{
            name: [{key: text for key, text in row.items() if text} for row in rows]
            for name, rows in inside(framework).items()
        },
    }
    data = {key: value for key, value in data.items() if value}
    path.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8", newline="\n")
