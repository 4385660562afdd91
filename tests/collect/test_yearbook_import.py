"""Importing a yearbook: what is kept of it, what is doubted, and what stops it."""

from __future__ import annotations

from decimal import Decimal
from math import log, sqrt
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from yearbooks import EMPTY, FRAMEWORK, METHOD, NAMES, UNITS, book, classic, export, facts, truth, write_csv

import citygauge as cg
from citygauge.collect.yearbook import grid
from citygauge.collect.yearbook.checks import likely_factor, modified_z
from citygauge.problems import InputError, Problem
from citygauge.provenance import Source, sha256_of_file
from citygauge.store.yearbook import ImportedYearbook, YearbookImport, import_yearbook

POP = "年末常住人口（万人）"


@pytest.fixture
def folder(workspace) -> Path:
    return workspace(framework__csv=FRAMEWORK, units__csv=UNITS, method__toml=METHOD, observations__csv=EMPTY)


def load(folder: Path, file: Path, **how) -> ImportedYearbook:
    return import_yearbook(folder, file, YearbookImport(**how))


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(folder: Path, file: Path, **how) -> dict[str, Problem]:
    before = content(folder)
    with pytest.raises(InputError) as error:
        load(folder, file, **how)
    assert content(folder) == before
    return {problem.code: problem for problem in error.value.problems if problem.severity == "error"}


def warned(done: ImportedYearbook) -> dict[str, Problem]:
    return {problem.code: problem for problem in done.warnings}


def table(folder: Path, head: list[str], rows: list[list[object]], year: int = 2023) -> Path:
    return write_csv(folder.parent / f"t{year}.csv", [[f"主要指标（{year}年）"], head, *rows], "utf-8")


def column(folder: Path, values: list[object], head: str = POP, year: int = 2023) -> Path:
    rows = [[name, value] for name, value in zip(NAMES.values(), values, strict=False)]
    return table(folder, ["城市", head], rows, year)


# --- what is kept ---------------------------------------------------------------------------------------


def test_every_fact_names_its_cell_in_the_original_that_is_kept_by_its_hash(folder):
    made = classic(folder.parent, 2023)
    done = load(folder, made.path, collected_at="2024-12-01T00:00:00Z")
    opened = cg.open(folder)
    [source] = opened.sources.values()
    original = folder / source.file
    assert (source.sha256, source.sheet) == (sha256_of_file(made.path), "2-6 2023")
    assert sha256_of_file(original) == source.sha256
    frame = opened.observations.frame
    assert {(r["unit"], r["indicator"], r["period"]): r["value"] for r in frame.to_dicts()} == {
        key: None if value is None else float(value) for key, value in made.facts.items()
    }
    assert set(frame["channel"]) == {"statistics"}
    assert set(frame["source"]) == {source.id}
    cells = openpyxl.load_workbook(original)
    texts = {fact.cell: fact.text for fact in done.facts}
    for row in frame.to_dicts():
        sheet, _, address = row["cell"].rpartition("!")
        there = cells[sheet][address].value
        assert str("" if there is None else there) == texts[row["cell"]]


def test_marks_and_other_units_are_kept_beside_the_fact(folder):
    values = ["#", "x", "12.5①", "2.5万", 3, ""]
    load(folder, column(folder, values, head="年末常住人口（人）"))
    notes = {
        r["unit"]: (r["value"], r["state"], r["note"]) for r in cg.open(folder).observations.frame.to_dicts()
    }
    assert notes["110000"] == (None, "missing", "#：不足计量单位的一半 / less than half the unit")
    assert notes["310000"] == (None, "missing", "x：保密 / confidential")
    assert notes["440100"] == (0.00125, "value", "12.5 人；①")
    assert notes["440300"] == (2.5, "value", "2.5 万")
    assert notes["510100"] == (0.0003, "value", "3 人")
    assert notes["320500"] == (None, "missing", None)


def test_what_is_recorded_is_known_and_what_differs_is_a_correction_only_when_asked(folder):
    first = column(folder, [10, 20, "…"])
    assert (load(folder, first).new, load(folder, first).known) == (3, 3)
    second = column(folder, [10, 21, 30])
    assert set(refused(folder, second)) == {"import.value-changed"}
    done = load(folder, second, correct=True)
    assert (done.new, done.corrected, done.known) == (0, 2, 1)
    frame = cg.open(folder).observations.frame
    assert frame.height == 5
    assert frame["supersedes"].drop_nulls().len() == 2


def test_a_dry_run_reads_all_and_writes_nothing(folder):
    before = content(folder)
    done = load(folder, classic(folder.parent, 2023).path, dry_run=True, save_map="m")
    assert (done.new > 0, done.saved, content(folder)) == (True, None, before)
    assert [table.sheet for table in done.found.tables] == ["2-6 2023"]


def test_a_csv_file_is_kept_and_cited_by_cell_too(folder):
    made = export(folder.parent, 2023)
    load(folder, made.path)
    row = next(r for r in cg.open(folder).observations.frame.to_dicts() if r["unit"] == "440100")
    line = made.path.read_text("utf-8-sig").splitlines()[int(row["cell"][1:]) - 1]
    assert line.startswith("Guangzhou;")
    assert f";{row['value']:g} p;" in line


def test_only_the_sheet_that_is_asked_for_is_read(folder):
    rows = [["城市", POP], ["北京", 5], ["上海", 6]]
    file = book(folder.parent / "two.xlsx", {"2022": (rows, []), "2023": (rows, [])})
    assert {fact.period for fact in load(folder, file, sheet="2022").facts} == {"2022"}
    assert set(refused(folder, file, sheet="2021")) == {"file.no-sheet"}


# --- what is doubted ------------------------------------------------------------------------------------


def test_a_column_in_another_unit_than_the_year_before_is_found_by_its_factor(folder):
    load(folder, column(folder, [2189, 2489, 1881, 1768, 2119, 1285], year=2022))
    done = load(folder, column(folder, [21900000, 24900000, 18900000, 17700000, 21300000, 12900000]))
    changed = warned(done)["yearbook.changed-unit"]
    assert (changed.values["factor"], changed.values["before"], len(changed.values["cells"])) == (
        1e4,
        "2022",
        6,
    )
    assert len(done.facts) == done.new == 6


def test_one_value_ten_times_that_of_the_year_before_and_a_jump_are_named(folder):
    load(folder, column(folder, [100, 200, 300, 400, 500, 600], year=2022))
    done = load(folder, column(folder, [1020, 205, 304, 410, 508, 1530]))
    found = warned(done)
    assert (
        found["yearbook.changed-unit-of-one"].values["unit"],
        found["yearbook.changed-unit-of-one"].values["factor"],
    ) == ("110000", 10)
    assert found["yearbook.jump"].values["unit"] == "320500"
    assert found["yearbook.jump"].values["ratio"] == pytest.approx(2.55)


def test_years_within_one_file_are_held_against_each_other(folder):
    rows = [[name, 100, 101 if name != "成都" else 10100] for name in NAMES.values()]
    done = load(folder, table(folder, ["城市", POP, ""], [["", "2022年", "2023年"], *rows]))
    found = warned(done)["yearbook.changed-unit-of-one"].values
    assert (found["unit"], found["before"], found["period"], found["factor"]) == (
        "510100",
        "2022",
        "2023",
        100,
    )


def test_an_outlier_among_the_cities_is_named(folder):
    values = [2189, 2489, 1881, 1768, 2119, 128500]
    outlier = warned(load(folder, column(folder, values)))["yearbook.outlier"]
    assert outlier.values["unit"] == "320500"
    logs = sorted(map(log, values))
    centre = (logs[2] + logs[3]) / 2
    away = sorted(abs(value - centre) for value in logs)
    assert outlier.values["z"] == round(0.6745 * (log(128500) - centre) / ((away[2] + away[3]) / 2), 1)


def test_equal_values_are_no_outliers_and_one_city_has_none(folder):
    assert set(warned(load(folder, column(folder, [5, 5, 5, 5, 5, 5])))) == set()
    assert not {"yearbook.outlier", "yearbook.jump"} & set(
        warned(load(folder, column(folder, [7], year=2024)))
    )


def test_a_total_with_a_row_of_which_is_right_with_and_without_it(folder):
    for number, total in enumerate((30, 40, 50)):
        rows = [["北京", 10], ["上海", 20], ["其中：深圳", 10], ["合计", total]]
        done = load(folder, table(folder, ["城市", POP], rows, 2021 + number))
        assert ("yearbook.total-differs" in warned(done)) == (total == 50)
    assert "yearbook.total-differs" not in warned(load(folder, classic(folder.parent, 2010).path))


@pytest.mark.parametrize(("total", "differs"), [(7700, False), (7701.5, False), (7703, True), (7900, True)])
def test_a_total_is_held_against_its_rows_with_room_for_rounding(folder, total, differs):
    rows = [["北京", 2189], ["上海", 2489], ["拉萨", 3022], ["合计", total]]
    done = load(folder, table(folder, ["城市", POP], rows))
    assert ("yearbook.total-differs" in warned(done)) == differs
    assert done.new == 2


@pytest.mark.parametrize("rows", [[["北京", "…"], ["合计", 9]], [["北京", 5], ["上海", 3], ["平均", 9]]])
def test_nothing_is_added_up_where_a_row_has_a_gap_or_the_row_is_a_mean(folder, rows):
    done = load(folder, table(folder, ["城市", POP], [["深圳", 5], *rows]))
    assert "yearbook.total-differs" not in warned(done)


def test_shares_are_not_added_up_and_fractions_are_doubted(folder):
    rows = [["北京", 0.96], ["上海", 0.97], ["合计", 0.965]]
    done = load(folder, table(folder, ["城市", "污水集中处理率（%）"], rows))
    assert "yearbook.total-differs" not in warned(done)
    assert warned(done)["yearbook.fractions"].values["code"] == "sewage"


def test_cells_that_nobody_can_read_and_names_that_nobody_knows_are_left_out_and_named(folder):
    rows = [["北京", "约2189"], ["上海", 2489], ["北晶", 7], ["Suzhou", 8], ["广州", "12,34"]]
    done = load(folder, table(folder, ["城市", POP], rows))
    assert warned(done)["yearbook.unreadable"].values["cells"] == ["B3 约2189", "B7 12,34"]
    assert warned(done)["yearbook.rows-unplaced"].values["labels"] == ["北晶", "Suzhou"]
    assert {(s.where, s.reason) for s in done.skipped if s.what == "row"} >= {
        ("5", "unknown_name"), ("6", "ambiguous_name"),
    }  # fmt: skip
    assert [fact.unit for fact in done.facts] == ["310000"]


def test_assessed_cities_that_the_file_does_not_name_are_counted(folder):
    done = load(folder, column(folder, [5, 6, 7]))
    assert warned(done)["yearbook.units-absent"].values["units"] == ["深圳", "成都", "苏州"]


def test_a_period_that_is_told_goes_before_that_of_the_title_which_is_said(folder):
    done = load(folder, column(folder, [5, 6]), period="2022")
    assert {fact.period for fact in done.facts} == {"2022"}
    assert warned(done)["yearbook.period-differs"].values["years"] == ["2023"]


# --- what stops it --------------------------------------------------------------------------------------


def test_a_unit_of_another_kind_stops_the_import(folder):
    found = refused(folder, column(folder, [5, 6], head="年末常住人口（公顷）"))
    assert set(found) == {"yearbook.measure-disagrees"}
    assert found["yearbook.measure-disagrees"].values["cells"] == ["B3", "B4"]


def test_a_unit_that_nobody_knows_stops_the_import(folder):
    rows = [["地区生产总值", "斗", 5, 6], ["年末常住人口", "万人", 5, 6]]
    found = refused(folder, table(folder, ["指标", "单位", "北京", "上海"], rows))
    assert set(found) == {"yearbook.measure-unknown"}
    assert found["yearbook.measure-unknown"].values["value"] == "斗"


def test_two_different_values_of_one_fact_stop_the_import_and_two_alike_do_not(folder):
    rows = [["北京", 5], ["上海", 6], ["北京市", 7]]
    found = refused(folder, table(folder, ["城市", POP], rows))
    assert found["yearbook.told-twice"].values["cells"] == ["B3", "B5"]
    alike = load(folder, table(folder, ["城市", POP], [*rows[:2], ["北京市", "5.0"]]))
    assert ("B5", "repeated") in {(s.where, s.reason) for s in alike.skipped}


def test_codes_and_names_that_disagree_stop_the_import(folder):
    rows = [["110000", "北京", 5], ["310000", "上海", 6], ["440300", "广州", 7]]
    found = refused(folder, table(folder, ["代码", "城市", POP], rows))
    assert set(found) == {"import.units-disagree"}


def test_a_file_without_a_year_wants_one(folder):
    file = book(folder.parent / "plain.xlsx", {"表": ([["城市", POP], ["北京", 5], ["上海", 6]], [])})
    assert refused(folder, file)["yearbook.no-period"].values["cells"] == ["表!B2", "表!B3"]
    assert load(folder, file, period="2023").new == 2


def test_an_edition_of_a_yearbook_is_not_the_year_of_its_figures(folder):
    rows = [["中国城市统计年鉴2024"], ["城市", POP], ["北京", 5], ["上海", 6]]
    file = book(folder.parent / "edition.xlsx", {"表": (rows, [])})
    assert set(refused(folder, file)) == {"yearbook.no-period"}


@pytest.mark.parametrize("content_of", [b"", b"\xff\xfe\x00", b'a,"b\n'])
def test_a_csv_file_that_cannot_be_read_says_why(folder, content_of):
    path = folder.parent / "x.csv"
    path.write_bytes(content_of)
    assert set(refused(folder, path)) <= {
        "file.empty",
        "file.encoding",
        "file.utf-16",
        "file.broken-quote",
        "yearbook.no-facts",
    }


def test_files_that_are_no_tables_are_refused(folder, tmp_path):
    (tmp_path / "x.xlsx").write_bytes(b"PK")
    (tmp_path / "x.pdf").write_bytes(b"%PDF")
    assert set(refused(folder, tmp_path / "x.xlsx")) == {"file.not-a-workbook"}
    assert set(refused(folder, tmp_path / "x.pdf")) == {"file.unknown-kind"}
    assert set(refused(folder, tmp_path / "none.csv")) == {"file.not-found"}
    assert set(refused(folder, column(folder, [1]), channel="post")) == {"import.unknown-channel"}


def test_a_sheet_far_larger_than_any_printed_table_is_refused(folder, monkeypatch):
    monkeypatch.setattr(grid, "MAX_CELLS", 10)
    assert set(refused(folder, column(folder, [1, 2, 3, 4, 5, 6]))) == {"yearbook.too-large"}
    path = write_csv(folder.parent / "x.csv", [["城市", POP]] * 6, "utf-8")
    assert set(refused(folder, path)) == {"yearbook.too-large"}


def test_a_code_of_a_source_that_is_another_file_s_is_refused(folder):
    load(folder, column(folder, [1, 2], year=2022), source=Source("s"))
    assert set(refused(folder, column(folder, [3, 4]), source=Source("s"))) == {"sources.duplicate-id"}


# --- tables with traps ----------------------------------------------------------------------------------


def test_one_cell_merged_over_two_cities_is_nobody_s_figure(folder):
    rows = [["主要指标（2023年）"], ["城市", POP], ["北京", 5], ["上海", 6], ["广州", None], ["成都", 7]]
    file = book(folder.parent / "merged.xlsx", {"表": (rows, ["B4:B5"])})
    done = load(folder, file)
    assert {fact.unit: fact.value for fact in done.facts} == {"110000": 5, "510100": 7}
    assert {(s.where, s.reason) for s in done.skipped} >= {
        ("表!B4", "merged_cells"),
        ("表!B5", "merged_cells"),
    }


def test_a_narrower_group_above_a_name_is_not_taken_for_the_whole(folder):
    rows = [["北京", 5, 6, 7], ["上海", 8, 9, 10]]
    head = ["城市", "规模以上企业", "", "民生"]
    below = ["", "年末常住人口（万人）", "专利授权数（件）", "年末常住人口（万人）"]
    done = load(folder, table(folder, head, [below, *rows]))
    assert {(f.unit, f.indicator): f.value for f in done.facts} == {
        ("110000", "pop"): 7,
        ("310000", "pop"): 10,
    }
    left = {s.where: s.near for s in done.skipped if s.reason == "narrowed_by_header"}
    assert left == {"B": ("pop",), "C": ("patents",)}


def test_a_province_of_a_city_s_name_is_a_subtotal_where_provinces_are_listed(workspace):
    units = "unit,name_zh,name_en\n220200,吉林,Jilin\n210100,沈阳,Shenyang\n220100,长春,Changchun\n"
    folder = workspace(
        framework__csv=FRAMEWORK, units__csv=units, method__toml=METHOD, observations__csv=EMPTY
    )
    rows = [
        ["辽宁", 50],
        ["沈阳", 9],
        ["吉 林", 40],
        ["长春", 9],
        ["吉林市", 4],
        ["黑龙江", 30],
        ["哈尔滨", 9],
    ]
    done = load(folder, table(folder, ["地区", POP], rows))
    assert {fact.unit: fact.value for fact in done.facts} == {"210100": 9, "220100": 9, "220200": 4}
    assert {s.where for s in done.skipped if s.reason == "totals"} == {"3", "5", "8"}


def test_a_title_names_an_indicator_only_where_nothing_else_is_in_it(folder):
    for title, found in (("地区生产总值", 2), ("地区生产总值构成", 0), ("各市地区生产总值（亿元）", 2)):
        rows = [[f"表1 {title}"], ["城市", "2021年", "2022年"], ["北京", 1, ""], ["上海", "", 2]]
        file = book(folder.parent / f"{title}.xlsx", {"表": (rows, [])})
        if found:
            done = load(folder, file, dry_run=True)
            assert sum(fact.value is not None for fact in done.facts) == found
        else:
            assert set(refused(folder, file)) == {"yearbook.no-facts"}


def test_several_tables_on_one_sheet_keep_their_own_units(folder):
    gdp = truth("gdp", 2023)
    rows = [
        ["表1 地区生产总值（2023年）"], ["单位：万元"], ["城市", "地区生产总值"],
        *([NAMES[c], float(gdp[c] * 10000)] for c in NAMES),
        [], ["表2 人口（2022年）"], ["单位：人"], ["城市", "年末常住人口"],
        *([NAMES[c], float(truth("pop", 2022)[c] * 10000)] for c in NAMES),
    ]  # fmt: skip
    done = load(folder, book(folder.parent / "two.xlsx", {"表": (rows, [])}))
    assert {(f.unit, f.indicator, f.period): f.value for f in done.facts} == facts(["gdp"], [2023]) | facts(
        ["pop"], [2022]
    )


# --- kernels --------------------------------------------------------------------------------------------


def test_the_modified_z_score_is_that_of_iglewicz_and_hoaglin():
    assert modified_z(np.array([4.0, 4.0, 4.0])).tolist() == [0, 0, 0]
    assert np.isnan(modified_z(np.array([np.nan, np.nan]))).all()
    one = modified_z(np.array([5.0]))
    assert one.tolist() == [0]
    values = np.array([0.0, 0.0, 0.0, 0.0, 6.0])  # MAD 0, mean absolute deviation 6/5
    assert modified_z(values)[4] == pytest.approx(6 / (1.253314 * 6 / 5))
    assert sqrt(3.14159265 / 2) == pytest.approx(1.253314, abs=1e-6)


@pytest.mark.parametrize(
    ("ratio", "factor"), [(10, 10), (0.1, 0.1), (1e8, 1e8), (1.3e4, 1e4), (5, None), (0, None), (-10, None)]
)
def test_a_factor_is_a_power_of_ten_that_units_differ_by(ratio, factor):
    found = likely_factor(ratio)
    assert found == (factor if factor is None else pytest.approx(factor))


def test_figures_are_converted_without_a_trace_of_binary_fractions(folder):
    done = load(folder, column(folder, ["0.1", "0.3"], head="全社会用电量（亿千瓦时）"))
    assert [fact.value for fact in done.facts] == [Decimal(1000), Decimal(3000)]
    assert [r["value"] for r in cg.open(folder).observations.frame.to_dicts()] == [1000.0, 3000.0]
