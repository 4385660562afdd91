"""Read a framework from CSV, XLSX, YAML or a folder, and report everything wrong with it at once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from citygauge.faults import note_not_toml
from citygauge.files import Sheet, canonical_headers, finite_number, frame_sheet, read_sheet, sheet_names
from citygauge.framework.check import check_nodes, check_weight_sets, in_pre_order
from citygauge.framework.model import CHANNELS, FRAMEWORK_COLUMNS, ROLES, Framework, Node, RubricLevel, Scheme
from citygauge.framework.rollup import check_rollups, read_items, read_lookups, read_rollups
from citygauge.framework.rubric import parse_rubric
from citygauge.framework.scheme import parse_scheme
from citygauge.problems import Problems, Where

_NUMBERS = ("weight", "points", "cap", "denominator_scale", "low", "high", "target_low", "target_high")
_DIRECTIONS = {
    "1": 1, "+1": 1, "1.0": 1, "positive": 1, "正向": 1, "正": 1,
    "-1": -1, "-1.0": -1, "negative": -1, "负向": -1, "负": -1, "逆向": -1,
}  # fmt: skip
_ROLES = {role: role for role in ROLES} | {
    "加分": "bonus", "加分项": "bonus", "扣分": "deduction", "扣分项": "deduction",
    "否决": "veto", "否决项": "veto", "单项否决": "veto", "一票否决": "veto",
}  # fmt: skip
_LANGUAGE_FIELDS = ("name", "definition")
_INSIDE = {"items": read_items, "rollups": read_rollups, "lookups": read_lookups}
_WORDS = ("code", "source", "licence", "strata")


def read_framework(path: str | Path) -> Framework:
    """Return the framework of a file or folder, checked.

    Parameters
    ----------
    path : path
        ``framework.csv`` (with ``weights/NAME.csv``, ``framework.toml``, ``unit_names.csv`` beside it), a
        folder that holds these, one ``.xlsx`` (sheets ``framework``, ``weights``) or one ``.yaml``.

    Raises
    ------
    InputError
        With every problem of the input: structure, weights, directions, goalposts, rubrics.
    """
    problems = Problems()
    framework = load_framework(Path(path), problems)
    problems.raise_errors()
    assert framework is not None
    return framework


def load_framework(path: Path, problems: Problems) -> Framework | None:
    """Read a framework and note its problems; None where it cannot be used."""
    if path.is_dir():
        path = path / "framework.csv"
    if path.suffix.lower() in {".yaml", ".yml"}:
        return _from_yaml(path, problems)
    if path.suffix.lower() == ".xlsx":
        return _from_workbook(path, problems)
    sheet = read_sheet(path, problems)
    if sheet is None:
        return None
    sets = _folder_weights(path.parent, problems)
    words = _about(path.with_name("framework.toml"), problems)
    beside = {
        name: read_sheet(file, problems)
        for name in ("unit_names", *_INSIDE)
        if (file := path.with_name(f"{name}.csv")).is_file()
    }
    about = {**words, "unit_names": _unit_names(beside.pop("unit_names", None))}
    return build_framework(sheet, sets, about | _inside(beside, problems), problems)


def _from_workbook(path: Path, problems: Problems) -> Framework | None:
    """Read the sheets ``framework`` (else the first), ``weights``, ``about`` and ``unit_names``."""
    names = sheet_names(path, Problems()) if path.is_file() else []
    sheet = read_sheet(path, problems, "framework" if "framework" in names else None)
    if sheet is None:
        return None
    wanted = ("weights", "about", "unit_names", *_INSIDE)
    parts = {name: read_sheet(path, problems, name) for name in wanted if name in names}
    words = dict.fromkeys(_WORDS, "")
    if (told := parts.get("about")) is not None and {"key", "text"} <= set(told.frame.columns):
        words |= {key: text or "" for key, text in told.frame.select("key", "text").iter_rows() if key}
    about = {**_texts(words), "unit_names": _unit_names(parts.get("unit_names"))} | _inside(parts, problems)
    return build_framework(sheet, _sheet_weights(parts.get("weights")), about, problems)


def build_framework(
    sheet: Sheet, sets: Sequence[tuple[str, Sheet]], about: Mapping[str, Any], problems: Problems
) -> Framework | None:
    """Return the framework of a table of nodes and its weight sets; None where it has errors."""
    before = len(problems.errors)
    sheet = canonical_headers(sheet, FRAMEWORK_COLUMNS)
    needed = {"code", "parent"} if sheet.frame.height > 1 else {"code"}  # an index alone has no parent
    for column in sorted(needed - set(sheet.frame.columns)):
        near = get_close_matches(column, sheet.frame.columns, 1)
        problems.add(
            "framework.missing-column", sheet.where(), column=column, found=near or sheet.frame.columns
        )
    if len(problems.errors) > before:
        return None
    nodes: list[Node] = []
    places: list[int] = []
    for index, row in enumerate(sheet.frame.iter_rows(named=True)):
        if any(row.values()):
            nodes.append(_node(row, sheet, index, problems))
            places.append(index)
    if not nodes:
        problems.add("framework.empty", sheet.where())
        return None
    check_nodes(nodes, lambda i, column=None: sheet.where(places[i], column), sheet.frame, problems)
    if len(problems.errors) > before:
        return None
    check_rollups(
        [node.code for node in nodes], about.get("items", ()), about.get("rollups", ()),
        about.get("lookups", ()), problems,
    )  # fmt: skip
    framework = Framework(tuple(in_pre_order(nodes)), **about)
    weight_sets = check_weight_sets(framework, sets, problems)
    return None if len(problems.errors) > before else replace(framework, weight_sets=weight_sets)


def _node(row: Mapping[str, str | None], sheet: Sheet, index: int, problems: Problems) -> Node:
    """Turn one row into a node; cells that cannot be read are noted and left out."""
    text = {column: value or "" for column, value in row.items()}
    numbers = {name: _number(text.get(name, ""), sheet.where(index, name), problems) for name in _NUMBERS}
    direction = _DIRECTIONS.get(text.get("direction", "").lower())
    if text.get("direction") and direction is None:
        problems.add(
            "framework.bad-direction",
            sheet.where(index, "direction"),
            value=text["direction"],
            code=text["code"],
        )
    scale = numbers.pop("denominator_scale")
    languages = {
        name: {c.removeprefix(f"{name}_"): v for c, v in text.items() if c.startswith(f"{name}_") and v}
        for name in _LANGUAGE_FIELDS
    }
    known = {*FRAMEWORK_COLUMNS, *(c for c in text if c.startswith(("name_", "definition_")))}
    return Node(
        code=text["code"],
        parent=text.get("parent") or None,
        weight=numbers["weight"],
        points=numbers["points"],
        cap=numbers["cap"],
        role=_role(text, sheet.where(index, "role"), problems),
        direction=direction,
        unit=text.get("unit", ""),
        denominator=text.get("denominator", ""),
        denominator_scale=1.0 if scale is None else scale,
        scale=text.get("scale", ""),
        low=numbers["low"],
        high=numbers["high"],
        target_low=numbers["target_low"],
        target_high=numbers["target_high"],
        rubric=_rubric(text, sheet.where(index, "rubric"), problems),
        scheme=_scheme(text, sheet.where(index, "scheme"), problems),
        channels=_channels(text.get("channels", ""), sheet.where(index, "channels"), text["code"], problems),
        source=text.get("source", ""),
        counterpart=text.get("counterpart", ""),
        name=languages["name"],
        definition=languages["definition"],
        extra={column: value for column, value in text.items() if column not in known and value},
    )


def _rubric(text: Mapping[str, str], where: Where, problems: Problems) -> tuple[RubricLevel, ...]:
    if not text.get("rubric"):
        return ()
    try:
        return parse_rubric(text["rubric"])
    except ValueError as error:
        problems.add("framework.bad-rubric", where, code=text["code"], part=str(error))
        return ()


def _scheme(text: Mapping[str, str], where: Where, problems: Problems) -> Scheme | None:
    if not text.get("scheme"):
        return None
    try:
        return parse_scheme(text["scheme"])
    except ValueError as error:
        problems.add("framework.bad-scheme", where, code=text["code"], part=str(error))
        return None


def _role(text: Mapping[str, str], where: Where, problems: Problems) -> str:
    role = text.get("role", "")
    if role and role.lower() not in _ROLES:
        problems.add("framework.unknown-role", where, code=text["code"], value=role, roles=list(ROLES))
    return _ROLES.get(role.lower(), "")


def _number(text: str, where: Where, problems: Problems) -> float | None:
    if not text:
        return None
    value = finite_number(text)
    if value is None:
        problems.add("framework.not-a-number", where, value=text)
    return value


def _channels(text: str, where: Where, code: str, problems: Problems) -> tuple[str, ...]:
    names = [name.strip() for name in text.replace("；", ";").replace("，", ";").replace(",", ";").split(";")]
    channels = tuple(name for name in names if name)
    for name in channels:
        if name not in CHANNELS:
            problems.add("framework.unknown-channel", where, value=name, code=code, channels=list(CHANNELS))
    return channels


def with_weight_sets(framework: Framework, folder: Path, problems: Problems) -> Framework:
    """Return the framework with the weight sets of another folder's ``weights/`` added to its own."""
    added = check_weight_sets(framework, _folder_weights(folder, problems), problems)
    return replace(framework, weight_sets={**framework.weight_sets, **added})


def _folder_weights(folder: Path, problems: Problems) -> list[tuple[str, Sheet]]:
    sets = []
    for file in sorted((folder / "weights").glob("*.csv")):
        if (sheet := read_sheet(file, problems)) is not None:
            sets.append((file.stem, canonical_headers(sheet, ("code", "weight"))))
    return sets


def _sheet_weights(sheet: Sheet | None) -> list[tuple[str, Sheet]]:
    """Take the sheet ``weights``: a column ``code`` and one column for each set."""
    sheet = sheet and canonical_headers(sheet, ("code",))
    if sheet is None or "code" not in sheet.frame.columns:
        return []
    sets = []
    for name in (column for column in sheet.frame.columns if column != "code"):
        given = pl.col(name).is_not_null()
        frame = sheet.frame.select(pl.when(given).then("code").alias("code"), pl.col(name).alias("weight"))
        letters = {
            "code": (sheet.letters or {}).get("code", ""),
            "weight": (sheet.letters or {}).get(name, ""),
        }
        sets.append((name, replace(sheet, frame=frame, letters=letters)))
    return sets


def _from_yaml(path: Path, problems: Problems) -> Framework | None:
    """Read ``nodes:`` (a list of mappings with the columns of the CSV), ``weights:`` and the texts."""
    if not path.is_file():
        problems.add("file.not-found", Where(str(path)), path=str(path))
        return None
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problems.add("file.not-yaml", Where(path.name), reason=" ".join(str(error).split()))
        return None
    rows = data.get("nodes") if isinstance(data, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows) or not rows:
        problems.add("framework.no-nodes", Where(path.name))
        return None
    told: dict[str, dict[str, Any]] = {}
    for part in ("weights", "unit_names"):
        told[part] = data.get(part) or {}
        if not isinstance(told[part], dict) or not all(isinstance(v, dict) for v in told[part].values()):
            reason = f"{part}: a mapping of mappings is expected"
            problems.add("file.not-yaml", Where(path.name), reason=reason)
            return None
    sheet = _yaml_sheet(rows, path.name, "nodes")
    assert sheet is not None
    lists = {name: data.get(name) or [] for name in _INSIDE}
    for table, rows_of in lists.items():
        if not isinstance(rows_of, list) or not all(isinstance(row, dict) for row in rows_of):
            reason = f"{table}: a list of mappings is expected"
            problems.add("file.not-yaml", Where(path.name), reason=reason)
            return None
    sheets = {table: _yaml_sheet(rows_of, path.name, table) for table, rows_of in lists.items()}
    inside = _inside(sheets, problems)
    sets = [(str(name), _yaml_weights(weights, path.name)) for name, weights in told["weights"].items()]
    units = {str(u): {str(k): str(v) for k, v in names.items()} for u, names in told["unit_names"].items()}
    words = _texts({str(key): value for key, value in data.items()})
    return build_framework(sheet, sets, {**words, "unit_names": units, **inside}, problems)


def _inside(parts: Mapping[str, Sheet | None], problems: Problems) -> dict[str, Any]:
    """Read what is said of the things inside a unit: items, roll-up rules, lookups."""
    return {name: read(parts.get(name), problems) for name, read in _INSIDE.items()}


def _yaml_sheet(rows: Sequence[Mapping[Any, Any]], file: str, name: str) -> Sheet | None:
    """Return a list of mappings as a sheet of text; None where it is empty."""
    if not rows:
        return None
    texts = [{str(key): _yaml_text(value) for key, value in row.items()} for row in rows]
    columns = list(dict.fromkeys(key for row in texts for key in row))
    frame = pl.DataFrame({c: pl.Series([row.get(c) for row in texts], dtype=pl.String) for c in columns})
    return Sheet(frame, file, name, first_row=1)


def _yaml_weights(weights: Mapping[Any, Any], file: str) -> Sheet:
    frame = pl.DataFrame({"code": list(map(str, weights)), "weight": list(map(str, weights.values()))})
    return frame_sheet(frame, file)


def _yaml_text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, list):
        return ";".join(map(str, value))
    return str(value)


def _about(path: Path, problems: Problems) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return _texts(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        note_not_toml(error, path.name, problems)
        return {}


def _texts(data: Mapping[str, Any]) -> dict[str, Any]:
    """Take code, source, licence, strata and the title and description in each language."""
    texts: dict[str, Any] = {name: str(data.get(name, "")) for name in _WORDS}
    for name in ("title", "description"):
        texts[name] = {
            k.removeprefix(f"{name}_"): str(v) for k, v in data.items() if k.startswith(f"{name}_")
        }
    return texts


def _unit_names(sheet: Sheet | None) -> dict[str, dict[str, str]]:
    if sheet is None or "unit" not in sheet.frame.columns:
        return {}
    return {
        row["unit"]: {k.removeprefix("name_"): v for k, v in row.items() if k.startswith("name_") and v}
        for row in sheet.frame.iter_rows(named=True)
        if row["unit"]
    }
