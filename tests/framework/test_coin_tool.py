"""COIN Tool workbooks, laid out as COINr's `import_coin_tool` reads them, become workspaces."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import openpyxl
import pytest

import citygauge as cg
from citygauge.framework.coin_tool import read_coin_tool
from citygauge.problems import InputError, Problem, Problems, Where
from citygauge.store.coin_tool import import_coin_tool
from citygauge.store.create import import_coinr

# Weight, direction, lower and upper goalpost, index, sub-index, pillar, sub-pillar, name, code: rows 7 to 16.
COLUMNS: dict[str, Sequence[object]] = {
    "Ind.01": (2, 1, 0, 100, "Index", "si.01", "p.01", "sp.01", "Fast lines", "Ind.01"),
    "Ind.02": (1, -1, 0, 60, "Index", "si.01", "p.01", "sp.01", "Waiting", "Ind.02"),
    "Ind.03": (1, 1, "n/a", None, "Index", "si.01", "p.02", "sp.01", "Trees", "Ind.03"),
}
NODES: dict[str, tuple[object, str]] = {
    "Index": (1, "City index"),
    "p.01": (0.75, "Digital"),
    "p.02": (0.25, "Green"),
}
UNITS = {"Suzhou": "SZ", "Taizhou": "TZ", "Chengdu": "CD"}
VALUES: dict[str, Sequence[object]] = {
    "Ind.01": (80, 60, 40),
    "Ind.02": (15, 30, 45),
    "Ind.03": (10, "n/a", 30),
}


def book(
    path: Path,
    columns: Mapping[str, Sequence[object]] = COLUMNS,
    nodes: Mapping[str, tuple[object, str]] = NODES,
    units: Mapping[str, str] = UNITS,
    values: Mapping[str, Sequence[object]] = VALUES,
    header: int = 4,
) -> Path:
    """Write a workbook of the layout; `header` is the row of the header of the sheet Framework."""
    made = openpyxl.Workbook()
    made.active.title = "ReadMe"
    data, tree = made.create_sheet("Database"), made.create_sheet("Framework")
    for place, (code, told) in enumerate(columns.items(), 5):
        for row, text in enumerate(told, 7):
            data.cell(row, place, text)
        for row, value in enumerate(values[code], 17):
            data.cell(row, place, value)
    for row, (name, code) in enumerate(units.items(), 17):
        data.cell(row, 2, name)
        data.cell(row, 3, code)
    for column, text in enumerate(("Code", "Dimension/indicator", "Weight", "Level", "Parent", "Name"), 3):
        tree.cell(header, column, text)
    for row, (code, (weight, name)) in enumerate(nodes.items(), header + 1):
        for column, text in ((3, code), (4, name), (5, weight), (8, name)):
            tree.cell(row, column, text)
    tree.cell(header + 1 + len(nodes), 3, "p.03")
    tree.cell(header + 1 + len(nodes), 4, "--")
    made.save(path)
    return path


def changed(path: Path, cells: Mapping[str, object]) -> Path:
    """Change cells of a workbook: ``Database!E8`` → what stands there then."""
    made = openpyxl.load_workbook(path)
    for address, text in cells.items():
        sheet, cell = address.split("!")
        made[sheet][cell] = text
    made.save(path)
    return path


def refused(folder: Path, file: Path) -> dict[str, Problem]:
    with pytest.raises(InputError) as caught:
        import_coin_tool(folder, file)
    assert not folder.exists()
    return {problem.code: problem for problem in caught.value.problems}


def test_a_workbook_becomes_the_framework_units_and_facts_that_it_holds(tmp_path):
    workspace = import_coin_tool(tmp_path / "made", book(tmp_path / "COIN_Tool.xlsx"), "2023")
    tree = workspace.framework
    assert [(node.code, node.parent, node.weight) for node in tree] == [
        ("Index", None, None),
        ("p.01", "Index", 0.75), ("Ind.01", "p.01", 2.0), ("Ind.02", "p.01", 1.0),
        ("p.02", "Index", 0.25), ("Ind.03", "p.02", 1.0),
    ]  # fmt: skip
    assert [tree[code].label("en") for code in ("Index", "p.02", "Ind.01")] == [
        "City index", "Green", "Fast lines",
    ]  # fmt: skip
    leaves = [tree[code] for code in COLUMNS]
    assert [(leaf.direction, leaf.low, leaf.high) for leaf in leaves] == [
        (1, 0, 100), (-1, 0, 60), (1, None, None),
    ]  # fmt: skip
    assert (workspace.units.codes, workspace.units.names("en")) == (("SZ", "TZ", "CD"), tuple(UNITS))
    facts = workspace.observations.frame.select("unit", "indicator", "value", "state", "cell").rows()
    assert facts[1] == ("TZ", "Ind.01", 60.0, "value", "Database!E18")
    assert facts[7] == ("TZ", "Ind.03", None, "missing", "Database!G18")
    assert len(facts) == 9
    assert workspace.settings.period == "2023"
    told = [problem.code for problem in workspace.warnings if problem.code.startswith("cointool.")]
    assert told == ["cointool.no-units"]  # once, and not of each indicator
    assert "framework.no-unit" not in {problem.code for problem in workspace.warnings}


def test_the_scores_are_those_worked_out_by_hand(tmp_path):
    # Min-max: Ind.01 100, 50, 0; Ind.02 100, 50, 0; Ind.03 0, –, 100. Pillars 100, 50, 0 and 0, –, 100.
    workspace = import_coin_tool(tmp_path / "made", book(tmp_path / "COIN_Tool.xlsx"))
    result = cg.assess(workspace)
    assert result.aggregated.column("Index").tolist() == pytest.approx([75, 50, 25], abs=1e-12)


def test_the_original_is_kept_by_its_hash(tmp_path):
    file = book(tmp_path / "COIN_Tool.xlsx")
    workspace = import_coin_tool(tmp_path / "made", file)
    (source,) = workspace.sources.values()
    assert source.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (tmp_path / "made" / source.file).read_bytes() == file.read_bytes()
    assert set(workspace.observations.frame["source"]) == {source.id}
    assert source.sheet == "Database"


def test_workbooks_from_before_the_release_have_their_header_one_row_below(tmp_path):
    old = read_coin_tool(book(tmp_path / "old.xlsx", header=5), Problems())
    new = read_coin_tool(book(tmp_path / "new.xlsx"), Problems())
    assert old is not None
    assert new is not None
    assert old.framework.nodes == new.framework.nodes


def test_an_unused_level_is_left_out_and_named_where_the_framework_sheet_names_it(tmp_path):
    problems = Problems()
    made = read_coin_tool(book(tmp_path / "a.xlsx", nodes={**NODES, "si.01": (1, "All")}), problems)
    assert made is not None
    assert "si.01" not in made.framework
    assert [(p.code, p.severity, p.where.row) for p in problems] == [
        ("cointool.level-left-out", "warning", 12)
    ]
    assert "si.01" in problems.warnings[0].message("zh")


def test_an_indicator_without_a_group_of_a_level_stands_below_the_next_one(tmp_path):
    file = changed(book(tmp_path / "a.xlsx"), {"Database!E14": "sp.02", "Database!F14": "sp.02",
                   "Database!G14": "--", "Framework!C8": "sp.02", "Framework!D8": "Sub",
                   "Framework!E8": 1, "Framework!H8": "Sub"})  # fmt: skip
    made = read_coin_tool(file, Problems())
    assert made is not None
    assert {node.code: node.parent for node in made.framework}["Ind.03"] == "p.02"
    assert {node.code: node.parent for node in made.framework}["sp.02"] == "p.01"


def test_indicators_and_units_without_values_are_left_out_and_named(tmp_path):
    columns = {**COLUMNS, "Ind.04": (1, 1, 0, 1, "Index", "si.01", "p.02", "sp.01", "Empty", "Ind.04")}
    columns["Ind.05"] = (1, 1, None, None, "Index", "--", "--", "--", "--", "Ind.05")
    values = {**VALUES, "Ind.04": ("n/a",) * 3, "Ind.05": ()}
    problems = Problems()
    made = read_coin_tool(
        book(tmp_path / "a.xlsx", columns, units={**UNITS, "Nowhere": "NW"}, values=values), problems
    )
    assert made is not None
    assert (made.framework.indicators, made.units["unit"].to_list()) == (
        ("Ind.01", "Ind.02", "Ind.03"), ["SZ", "TZ", "CD"],
    )  # fmt: skip
    (warning,) = problems
    assert (warning.code, warning.severity) == ("cointool.no-data", "warning")
    assert warning.values["codes"] == ["Ind.04", "NW"]


def test_one_unit_and_a_constant_column_are_read_as_they_are(tmp_path):
    values = dict.fromkeys(COLUMNS, (5,))
    made = read_coin_tool(book(tmp_path / "a.xlsx", units={"Suzhou": "SZ"}, values=values), Problems())
    assert made is not None
    assert made.values["value"].to_list() == ["5", "5", "5"]


@pytest.mark.parametrize(
    ("cells", "named"),
    [
        ({"Database!E11": None, "Database!F11": None, "Database!G11": None}, "Database!E11"),
        ({"Database!E8": "up", "Database!F8": "down", "Database!G8": None}, "Database!E8"),
        ({"Database!F11": "Other"}, "Database!E11:G11"),
        ({"Framework!D4": "Node"}, "Framework!C4"),
        ({f"Database!{c}{r}": "n/a" for c in "EFG" for r in (17, 18, 19)}, "Database!E17"),
    ],
)
def test_another_layout_is_refused_with_the_cells_that_do_not_fit(tmp_path, cells, named):
    found = refused(tmp_path / "made", changed(book(tmp_path / "a.xlsx"), cells))
    assert set(found) == {"cointool.other-layout"}
    for language in ("en", "zh"):
        assert named in found["cointool.other-layout"].message(language)


def test_a_workbook_without_the_two_sheets_is_refused(tmp_path):
    openpyxl.Workbook().save(tmp_path / "a.xlsx")
    found = refused(tmp_path / "made", tmp_path / "a.xlsx")
    assert found["cointool.other-layout"].values["cells"] == ["Database!A1", "Framework!A1"]
    assert set(refused(tmp_path / "made", tmp_path / "none.xlsx")) == {"file.not-found"}


def test_every_fault_of_a_workbook_is_said_at_once_and_with_its_cell(tmp_path):
    file = changed(
        book(tmp_path / "a.xlsx"),
        {"Database!E7": "much", "Database!F8": 2, "Database!F16": None, "Database!G19": "many",
         "Database!C18": "SZ", "Database!C19": None, "Framework!E6": "half", "Framework!C7": "p.09"},
    )  # fmt: skip
    with pytest.raises(InputError) as caught:
        import_coin_tool(tmp_path / "made", file)
    where = {(p.code, p.where.sheet, p.where.row, p.where.column) for p in caught.value.problems}
    assert where == {
        ("framework.not-a-number", "Database", 7, "E"),
        ("framework.bad-direction", "Database", 8, "F"),
        ("cointool.no-code", "Database", 16, "F"),
        ("facts.not-a-number", "Database", 19, "G"),
        ("units.duplicate-code", "Database", 18, "C"),
        ("units.no-code", "Database", 19, "C"),
        ("framework.not-a-number", "Framework", 6, "E"),
        ("cointool.not-in-framework", "Framework", None, None),
    }


def test_a_group_under_two_others_is_refused(tmp_path):
    columns = {code: list(told) for code, told in COLUMNS.items()}
    for code, above in (("Ind.01", "p.01"), ("Ind.02", "p.02"), ("Ind.03", "p.02")):
        columns[code][6:8] = above, "sp.02" if code == "Ind.03" else "sp.01"
    found = refused(tmp_path / "made", book(tmp_path / "a.xlsx", columns,
                    {**NODES, "sp.01": (1, "One"), "sp.02": (1, "Two")}))  # fmt: skip
    problem = found["cointool.two-parents"]
    assert (problem.values["code"], problem.values["parents"]) == ("sp.01", ["p.01", "p.02"])


def test_what_the_framework_check_finds_names_the_sheet(tmp_path):
    found = refused(tmp_path / "made", changed(book(tmp_path / "a.xlsx"), {"Database!F16": "Ind.01"}))
    assert {problem.where for problem in found.values()} == {Where("a.xlsx", "Database")}


@pytest.fixture
def asem(reference: Callable[[str], Path], tmp_path: Path) -> tuple[cg.Workspace, cg.Workspace]:
    """Import COINr's ASEM example, without denominators, from its own tables and from a workbook."""
    folder = reference("asem")
    meta, rows = (
        list(csv.DictReader((folder / f"ASEM_{name}.csv").read_text(encoding="utf-8").splitlines()))
        for name in ("iMeta", "iData")
    )
    tree = {row["iCode"]: row for row in meta if row["Type"] in {"Indicator", "Aggregate"}}
    with (tmp_path / "iMeta.csv").open("w", encoding="utf-8", newline="") as stream:
        names = [name for name in meta[0] if name not in {"Denominator", "Target"}]
        writer = csv.DictWriter(stream, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(tree.values())
    leaves = [row for row in tree.values() if row["Type"] == "Indicator"]
    columns, values = {}, {}
    for leaf in leaves:
        pillar = tree[leaf["Parent"]]
        weight, direction = float(leaf["Weight"]), int(leaf["Direction"])
        columns[leaf["iCode"]] = (weight, direction, None, None, "Index", pillar["Parent"], pillar["iCode"],
                                  "sp.01", leaf["iName"], leaf["iCode"])  # fmt: skip
        cells = [row[leaf["iCode"]] for row in rows]
        values[leaf["iCode"]] = [float(cell) if cell else "n/a" for cell in cells]
    nodes = {row["iCode"]: (float(row["Weight"]), row["iName"])
             for row in tree.values() if row["Type"] == "Aggregate"}  # fmt: skip
    units = {row["uName"]: row["uCode"] for row in rows}
    file = book(tmp_path / "COIN_Tool.xlsx", columns, nodes, units, values)
    return (
        import_coinr(tmp_path / "coinr", folder / "ASEM_iData.csv", tmp_path / "iMeta.csv"),
        import_coin_tool(tmp_path / "tool", file),
    )


def test_the_asem_example_scores_alike_from_coinrs_tables_and_from_a_workbook(asem):
    ours, theirs = (cg.assess(workspace) for workspace in reversed(asem))
    assert (len(asem[1].units), len(asem[1].framework.indicators)) == (51, 49)
    assert asem[1].observations.frame["value"].null_count() == 63
    for node in asem[0].framework:
        want = theirs.aggregated.column(node.code)
        np.testing.assert_allclose(ours.aggregated.column(node.code), want, rtol=0, atol=1e-12)
    assert {n.code: n.label("en") for n in asem[0].framework} == {
        n.code: n.label("en") for n in asem[1].framework
    }
