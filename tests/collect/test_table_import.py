"""Facts out of somebody's table: every one with its cell, and nothing that was recorded ever changed."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import openpyxl
import polars as pl
import pytest

import citygauge as cg
from citygauge.problems import InputError
from citygauge.provenance import Source
from citygauge.store.table import Imported, TableImport, import_table

EMPTY = "unit,indicator,period,value,unit_of_measure,state,origin,source,supersedes\n"
CITIES = """\
unit,name_zh,name_en,aliases
110000,北京,Beijing,
320500,苏州,Suzhou,
341300,宿州,Suzhou,
510100,成都,Chengdu,蓉城
"""
WIDE = "城市,指标甲,Indicator b\n北京,80,2\n苏州,60,5\n"
LONG = "城市,指标,年份,数值\n北京,a,2023,80\n北京,指标乙,2023,2\n苏州,Indicator A,2023,60\n苏州,b,2023,5\n"
EXPECTED = {("110000", "a"): 80.0, ("110000", "b"): 2.0, ("320500", "a"): 60.0, ("320500", "b"): 5.0}


@pytest.fixture
def empty(workspace) -> Path:
    return workspace(units__csv=CITIES, observations__csv=EMPTY)


def write(folder: Path, text: str, name: str = "表.csv", encoding: str = "utf-8") -> Path:
    (folder.parent / name).write_bytes(text.encode(encoding))
    return folder.parent / name


def book(folder: Path, sheets: dict[str, list[list[object]]], at: tuple[int, int] = (1, 1)) -> Path:
    """Write a workbook; the first cell of every table stands at (row, column) `at`."""
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for i, row in enumerate(rows):
            for j, cell in enumerate(row):
                sheet.cell(at[0] + i, at[1] + j, cell)
    path = folder.parent / "book.xlsx"
    workbook.save(path)
    return path


def run(folder: Path, file: Path, **how) -> Imported:
    return import_table(folder, file, TableImport(**{"period": "2023", **how}))


def refused(folder: Path, file: Path, **how) -> list[str]:
    before = content(folder)
    with pytest.raises(InputError) as error:
        run(folder, file, **how)
    assert content(folder) == before
    return [problem.code for problem in error.value.problems if problem.severity == "error"]


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def facts(folder: Path) -> dict[tuple[str, str], float | None]:
    frame = cg.open(folder).observations.frame
    return {(row["unit"], row["indicator"]): row["value"] for row in frame.to_dicts()}


def in_original(folder: Path, row: dict[str, object]) -> float:
    """Read the cell of the kept original with another program than the one that imported it."""
    source = cg.open(folder).sources[row["source"]]
    sheet, _, address = str(row["cell"]).rpartition("!")
    kept = folder / source.file
    if kept.suffix == ".xlsx":
        return float(openpyxl.load_workbook(kept)[sheet][address].value)
    column, line = openpyxl.utils.cell.coordinate_from_string(address)
    with kept.open(encoding="utf-8-sig", newline="") as stream:
        return float(list(csv.reader(stream))[line - 1][openpyxl.utils.column_index_from_string(column) - 1])


@pytest.mark.parametrize("text", [WIDE, LONG], ids=["wide", "long"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_csv_table_long_or_wide_in_any_encoding_is_read(empty, text, encoding):
    done = run(empty, write(empty, text, encoding=encoding))
    assert (done.new, done.corrected, done.known) == (4, 0, 0)
    assert facts(empty) == EXPECTED


@pytest.mark.parametrize("name", ["北京", "北京市", "110000", "Beijing", "beijing", "１１００００"])
def test_units_are_found_by_code_or_any_name(empty, name):
    run(empty, write(empty, f"城市,a\n{name},80\n"))
    assert facts(empty) == {("110000", "a"): 80.0}


def test_a_workbook_with_an_offset_table_on_the_second_sheet_is_read_with_its_addresses(empty):
    rows = [
        ["城市", "年份", "指标甲", "备注", "指标乙"],
        ["北京", 2023, 80, "x", 2.5],
        ["蓉城", 2023, 0.1, "", 5],
    ]
    file = book(empty, {"说明": [["nothing here"]], "数据": rows}, at=(4, 3))
    done = run(empty, file, sheet="数据", period=None)
    assert done.new == 4
    found = cg.open(empty).observations.frame.to_dicts()
    assert {row["cell"] for row in found} == {"数据!E5", "数据!G5", "数据!E6", "数据!G6"}
    assert {row["period"] for row in found} == {"2023"}
    for row in found:
        assert in_original(empty, row) == row["value"]


def test_the_first_sheet_is_read_by_default_and_an_unknown_one_is_refused(empty):
    file = book(empty, {"one": [["unit", "a"], ["110000", 1]], "two": [["unit", "a"], ["110000", 2]]})
    assert refused(empty, file, sheet="three") == ["file.no-sheet"]
    run(empty, file)
    assert facts(empty) == {("110000", "a"): 1.0}
    (source,) = cg.open(empty).sources.values()
    assert source.sheet == "one"


@pytest.mark.parametrize("text", [WIDE, LONG, "\ufeff" + WIDE, WIDE.replace("北京,", '"北京",')])
def test_every_fact_of_a_csv_file_names_the_cell_that_holds_it(empty, text):
    run(empty, write(empty, text))
    found = cg.open(empty).observations.frame.to_dicts()
    assert len(found) == 4
    for row in found:
        assert in_original(empty, row) == row["value"]


def test_the_period_comes_from_a_column_else_from_the_option_and_must_come_from_somewhere(empty):
    text = "unit,年度,a\n110000,2022,1\n110000,,2\n"
    assert refused(empty, write(empty, text), period=None) == ["import.no-period"]
    run(empty, write(empty, text), period="2023")
    frame = cg.open(empty).observations.frame
    assert dict(zip(frame["period"], frame["value"], strict=True)) == {"2022": 1.0, "2023": 2.0}


def test_columns_that_are_no_indicator_are_left_out_and_named(empty):
    done = run(empty, write(empty, "unit,a,rainfall,Indicator aa\n110000,80,3,4\n"))
    (warning,) = [problem for problem in done.warnings if problem.code == "import.columns-left-out"]
    assert warning.values["columns"] == ["rainfall", "Indicator aa"]
    assert "indicator a" in warning.values["near"]
    assert facts(empty) == {("110000", "a"): 80.0}


def test_rows_of_real_cities_that_are_not_assessed_are_left_out_and_named(empty):
    done = run(empty, write(empty, "城市,a\n北京,80\n武汉,70\n"))
    (warning,) = [problem for problem in done.warnings if problem.code == "units.not-assessed"]
    assert (warning.values["value"], warning.values["rows"]) == ("武汉", [3])
    assert facts(empty) == {("110000", "a"): 80.0}


def test_unknown_and_ambiguous_names_and_bad_numbers_are_all_named_and_nothing_is_written(empty):
    text = "城市,a\n北惊,80\nSuzhou,70\n成都,many\n"
    assert sorted(refused(empty, write(empty, text))) == [
        "facts.not-a-number",
        "units.ambiguous",
        "units.unknown",
    ]


def test_a_bad_number_is_named_by_sheet_row_and_cell(empty):
    file = book(empty, {"数据": [["unit", "a"], ["110000", "many"]]}, at=(3, 2))
    with pytest.raises(InputError) as error:
        run(empty, file)
    (problem,) = error.value.problems
    assert (problem.where.sheet, problem.where.row) == ("数据", 4)
    assert "C4" in problem.where.column


def test_a_code_beside_a_shared_english_name_settles_it(empty):
    run(empty, write(empty, "unit,name_en,a\n341300,Suzhou,70\n"))
    assert facts(empty) == {("341300", "a"): 70.0}


@pytest.mark.parametrize("row", ["320500,宿州,70", "510100,北京,70", "110000,武汉,70"])
def test_code_and_name_of_one_row_that_disagree_are_refused(empty, row):
    assert refused(empty, write(empty, f"unit,name_zh,a\n{row}\n")) == ["import.units-disagree"]


def test_codes_and_names_may_be_mixed_in_one_column(empty):
    run(empty, write(empty, "城市,a\n110000,1\n成都市,2\n"))
    assert facts(empty) == {("110000", "a"): 1.0, ("510100", "a"): 2.0}


def test_a_second_import_of_the_same_file_adds_nothing(empty):
    file = write(empty, WIDE)
    run(empty, file)
    before = content(empty)
    done = run(empty, file)
    assert (done.new, done.corrected, done.known) == (0, 0, 4)
    assert "import.nothing-new" in [problem.code for problem in done.warnings]
    assert content(empty) == before


def test_the_same_facts_in_another_form_are_known(empty):
    run(empty, write(empty, WIDE))
    assert run(empty, write(empty, LONG, "long.csv")).known == 4
    assert run(empty, write(empty, "unit,a\n110000,80.0\n", "float.csv")).known == 1


def test_a_differing_value_is_refused_and_says_where_the_old_one_stands(empty):
    run(empty, write(empty, WIDE))
    file = write(empty, WIDE.replace("80", "81"), "new.csv")
    before = content(empty)
    with pytest.raises(InputError) as error:
        run(empty, file)
    (problem,) = [p for p in error.value.problems if p.severity == "error"]
    assert problem.code == "import.value-changed"
    assert (problem.values["old"], problem.values["new"], problem.values["row"]) == ("80", "81", 2)
    assert content(empty) == before


def test_a_correction_supersedes_and_the_old_row_stays_in_the_file(empty):
    run(empty, write(empty, WIDE))
    old_rows = (empty / "observations.csv").read_text(encoding="utf-8").splitlines()
    done = run(empty, write(empty, WIDE.replace("80", "81"), "new.csv"), correct=True)
    assert (done.new, done.corrected, done.known) == (0, 1, 3)
    frame = cg.open(empty).observations.frame
    of_a = frame.filter((pl.col("unit") == "110000") & (pl.col("indicator") == "a"))
    assert of_a["value"].to_list() == [80.0, 81.0]
    assert of_a["supersedes"].to_list()[0] is None
    assert (empty / "observations.csv").read_text(encoding="utf-8").splitlines()[: len(old_rows)] == old_rows
    trace = cg.assess(cg.open(empty)).trace("110000", "a")
    assert trace["value"] == pytest.approx(0.81)
    assert (trace["fact"]["row"], trace["fact"]["cell"]) == (6, "B2")
    assert in_original(empty, of_a.to_dicts()[1]) == 81.0


def test_corrections_can_be_corrected_again(empty):
    for value in ("80", "81", "82"):
        run(empty, write(empty, f"unit,a\n110000,{value}\n", f"{value}.csv"), correct=True)
    assert cg.assess(cg.open(empty)).trace("110000", "a")["fact"]["value"] == 82.0
    assert cg.open(empty).observations.frame.height == 3


def test_one_file_that_tells_a_fact_twice_differently_is_refused_and_equally_is_one_fact(empty):
    text = "unit,a\n110000,80\n北京,{}\n"
    assert refused(empty, write(empty, text.format(81))) == ["import.repeated-fact"]
    assert run(empty, write(empty, text.format(80))).new == 1


def test_the_original_is_kept_by_its_hash_and_the_source_is_complete(empty):
    file = write(empty, WIDE)
    told = Source(
        "s1", producer="统计局", title="年鉴", url="https://example.org/x", licence="CC BY", date="2024"
    )
    run(empty, file, source=told, channel="statistics", collected_at="2024-05-06T07:08:09Z")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    with (empty / "sources.csv").open(encoding="utf-8", newline="") as stream:
        (row,) = csv.DictReader(stream)
    kept = row.pop("file")
    assert row == {
        "id": "s1", "producer": "统计局", "title": "年鉴", "url": "https://example.org/x", "licence": "CC BY",
        "date": "2024", "sha256": digest, "sheet": "", "cell_range": "A1:C3",
    }  # fmt: skip
    assert (empty / kept).read_bytes() == file.read_bytes()
    assert digest.startswith(Path(kept).stem)
    assert Path(kept).parent == Path("originals")
    frame = cg.open(empty).observations.frame
    assert set(frame["source"]) == {"s1"}
    assert set(frame["channel"]) == {"statistics"}
    assert set(frame["collected_at"]) == {"2024-05-06T07:08:09Z"}
    assert set(frame["origin"]) == {"observed"}


def test_an_original_that_was_changed_afterwards_is_noticed(empty):
    run(empty, write(empty, WIDE))
    (kept,) = (empty / "originals").iterdir()
    kept.write_text(WIDE.replace("80", "90"), encoding="utf-8")
    with pytest.raises(InputError) as error:
        cg.open(empty)
    assert "sources.file-changed" in [problem.code for problem in error.value.problems]


def test_the_id_of_a_source_cannot_come_to_mean_another_file(empty):
    run(empty, write(empty, "unit,a\n110000,80\n"), source=Source("s1"))
    file = write(empty, "unit,b\n110000,2\n", "other.csv")
    assert refused(empty, file, source=Source("s1")) == ["sources.duplicate-id"]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("a,b\n1,2\n", ["import.no-unit-column"]),
        ("unit,rain\n110000,2\n", ["import.no-indicator"]),
        ("unit,a\n,2\n", ["units.no-code"]),
        ("unit,indicator,value\n110000,zz,2\n", ["facts.unknown-indicator"]),
        ("unit,indicator,value,state\n110000,a,,gone\n", ["facts.unknown-state"]),
        ("unit,indicator,value,unit_of_measure\n110000,a,3,km\n", ["facts.wrong-unit-of-measure"]),
        ("unit,a,a\n110000,2,3\n", ["file.repeated-header"]),
        ("unit,a\n110000,2,3\n", ["file.ragged"]),
        ("", ["file.empty"]),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_used_leaves_every_byte_untouched(empty, text, codes):
    run(empty, write(empty, "unit,c\n110000,50\n", "first.csv"))
    assert refused(empty, write(empty, text)) == codes


def test_an_unknown_channel_is_refused(empty):
    assert refused(empty, write(empty, WIDE), channel="pigeon") == ["import.unknown-channel"]


def test_a_failure_while_writing_leaves_the_facts_as_they_were(empty, monkeypatch):
    before = (empty / "observations.csv").read_bytes()

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("citygauge.store.record.write_csv", fail)
    with pytest.raises(OSError, match="disk full"):
        run(empty, write(empty, WIDE))
    assert (empty / "observations.csv").read_bytes() == before
    assert not (empty / "sources.csv").exists()


def test_blank_cells_become_facts_that_say_missing(empty):
    run(empty, write(empty, "unit,a,b\n110000,,0\n"))
    frame = cg.open(empty).observations.frame
    assert dict(zip(frame["indicator"], frame["state"], strict=True)) == {"a": "missing", "b": "value"}
    assert facts(empty) == {("110000", "a"): None, ("110000", "b"): 0.0}


def test_a_long_table_hands_over_states_channels_and_notes(empty):
    text = "unit,indicator,value,state,channel,note\n110000,a,,not_applicable,web,无\n110000,b,3,,field,ok\n"
    run(empty, write(empty, text))
    rows = {row["indicator"]: row for row in cg.open(empty).observations.frame.to_dicts()}
    assert (rows["a"]["state"], rows["a"]["channel"], rows["a"]["note"]) == ("not_applicable", "web", "无")
    assert (rows["b"]["state"], rows["b"]["channel"], rows["b"]["value"]) == ("value", "field", 3.0)


def test_a_workspace_of_parquet_stays_one(empty):
    pl.DataFrame({"unit": ["110000"], "indicator": ["c"], "period": ["2023"], "value": [50.0]}).write_parquet(
        empty / "observations.parquet"
    )
    (empty / "observations.csv").unlink()
    run(empty, write(empty, WIDE))
    assert facts(empty) == {("110000", "c"): 50.0} | EXPECTED
    assert not (empty / "observations.csv").exists()
    assert pl.read_parquet(empty / "observations.parquet").schema["value"] == pl.Float64


def test_long_numbers_survive_to_the_last_digit(empty):
    numbers = {"a": 0.1 + 0.2, "b": 2 / 3, "c": 12345678901234.5}
    run(empty, write(empty, f"unit,{','.join(numbers)}\n110000,{','.join(map(repr, numbers.values()))}\n"))
    assert facts(empty) == {("110000", code): number for code, number in numbers.items()}
    (empty / "observations.csv").write_text(EMPTY, encoding="utf-8")
    file = book(empty, {"s": [["unit", "b"], ["110000", 2 / 3]]})
    run(empty, file)
    assert facts(empty) == {("110000", "b"): float(openpyxl.load_workbook(file)["s"]["B2"].value)}


def test_an_empty_cell_says_nothing_about_a_figure_that_is_known(empty):
    run(empty, write(empty, WIDE))
    file = write(empty, "unit,a,c\n110000,,50\n", "later.csv")
    for correct in (False, True):
        run(empty, file, correct=correct)
        assert facts(empty) == EXPECTED | {("110000", "c"): 50.0}


def test_a_figure_takes_the_place_of_a_gap_and_the_gap_stays_in_the_file(empty):
    run(empty, write(empty, "unit,a\n110000,\n"))
    done = run(empty, write(empty, "unit,a\n110000,80\n", "later.csv"))
    assert (done.new, done.corrected) == (0, 1)
    assert cg.open(empty).observations.frame["state"].to_list() == ["missing", "value"]
    assert cg.assess(cg.open(empty)).trace("110000", "a")["fact"]["value"] == 80.0


@pytest.mark.parametrize("state", ["not_applicable", "not_measurable"])
def test_another_state_is_not_taken_for_the_gap_that_is_recorded(empty, state):
    run(empty, write(empty, "unit,a,b\n110000,,2\n"))
    file = write(empty, f"unit,indicator,value,state\n110000,a,,{state}\n", "later.csv")
    run(empty, file, correct=True)
    assert cg.assess(cg.open(empty)).trace("110000", "a")["fact"]["state"] == state


@pytest.mark.parametrize(("period", "near"), [("二〇二三", ["2023"]), ("２０２３年", ["2023"]), ("20x", [])])
def test_a_period_that_does_not_begin_with_a_year_is_noted(empty, period, near):
    done = run(empty, write(empty, WIDE), period=period)
    (warning,) = [one for one in done.warnings if one.code == "import.unusual-period"]
    assert (warning.values["periods"], warning.values["near"]) == ([period], near)


@pytest.mark.parametrize("period", ["2023", "2023Q1", "2023-06", "2021-2023"])
def test_usual_periods_are_quiet(empty, period):
    done = run(empty, write(empty, WIDE), period=period)
    assert "import.unusual-period" not in {problem.code for problem in done.warnings}


def test_a_sheet_of_a_csv_is_refused(empty):
    assert refused(empty, write(empty, WIDE), sheet="x") == ["import.sheet-of-csv"]
