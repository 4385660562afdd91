"""Maps: what one year's file taught reads the next year's, and what it no longer has is said."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from yearbooks import EMPTY, FRAMEWORK, MAKERS, METHOD, NAMES, UNITS, book, classic, facts, truth

import citygauge as cg
from citygauge.problems import InputError, Problem
from citygauge.provenance import Source
from citygauge.store.yearbook import ImportedYearbook, YearbookImport, import_yearbook

HEAD = ["城市", "地区生产总值（亿元）", "年末常住人口（万人）"]


@pytest.fixture
def folder(workspace) -> Path:
    return workspace(framework__csv=FRAMEWORK, units__csv=UNITS, method__toml=METHOD, observations__csv=EMPTY)


def load(folder: Path, file: Path, **how) -> ImportedYearbook:
    return import_yearbook(folder, file, YearbookImport(**how))


def refused(folder: Path, file: Path, **how) -> dict[str, Problem]:
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    with pytest.raises(InputError) as error:
        load(folder, file, **how)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    return {problem.code: problem for problem in error.value.problems if problem.severity == "error"}


def told(done: ImportedYearbook) -> dict[tuple[str, str, str], Decimal | None]:
    return {(fact.unit, fact.indicator, fact.period): fact.value for fact in done.facts}


def put(folder: Path, text: str, name: str = "m") -> str:
    (folder / "imports").mkdir(exist_ok=True)
    (folder / "imports" / f"{name}.toml").write_text(text, encoding="utf-8")
    return name


def table(folder: Path, rows: list[list[object]], year: int = 2023, name: str = "表") -> Path:
    return book(folder.parent / f"t{year}.xlsx", {name: ([[f"主要指标（{year}年）"], *rows], [])})


def simple(folder: Path, year: int = 2023, head: list[str] | None = None, **more: object) -> Path:
    rows = [[NAMES[c], float(truth("gdp", year)[c]), float(truth("pop", year)[c])] for c in NAMES]
    return table(folder, [[*(head or HEAD)], *rows, *more.get("rows", [])], year)


@pytest.mark.parametrize("name", MAKERS)
def test_next_year_s_file_loads_by_the_map_that_this_year_s_left(name, folder):
    first = MAKERS[name](folder.parent, 2023)
    done = load(folder, first.path, save_map="annual")
    assert (done.saved, told(done)) == ("imports/annual.toml", first.facts)
    second = MAKERS[name](folder.parent, 2024)
    again = load(folder, second.path, map="annual")
    assert told(again) == second.facts
    renamed = {
        "no_indicator": "not_in_map",
        "narrowed_by_header": "not_in_map",
        "no_table": "sheet_not_in_map",
    }
    expected = {(where, renamed.get(why, why)) for where, why in second.left_out}
    assert {(item.where, item.reason) for item in again.skipped} == expected
    assert again.new + again.known + again.corrected == len(second.facts)


def test_rows_above_the_table_may_come_between_two_years(folder):
    load(folder, classic(folder.parent, 2023).path, save_map="annual")
    second = classic(folder.parent, 2024, extra_rows=3)
    again = load(folder, second.path, map="annual")
    assert told(again) == second.facts
    assert {item.where for item in again.skipped} == {where for where, _ in second.left_out}


def test_a_column_may_move_and_others_may_come(folder):
    load(folder, simple(folder), save_map="m")
    rows = [
        [NAMES[c], i, float(truth("pop", 2024)[c]), "", float(truth("gdp", 2024)[c])]
        for i, c in enumerate(NAMES)
    ]
    moved = table(folder, [["各市", "序号", HEAD[2], "", HEAD[1]], *rows], 2024)
    assert told(load(folder, moved, map="m")) == facts(["gdp", "pop"], [2024])


def test_a_column_that_is_gone_is_named_with_the_headers_that_are_there(folder):
    load(folder, simple(folder), save_map="m")
    gone = refused(folder, simple(folder, 2024, head=["城市", "生产总值（亿元）", HEAD[2]]), map="m")
    assert set(gone) == {"yearbook.column-gone"}
    assert gone["yearbook.column-gone"].values["header"] == "地区生产总值"
    assert "生产总值" in gone["yearbook.column-gone"].values["found"]


def test_a_column_in_another_unit_is_named_with_both_units(folder):
    load(folder, simple(folder), save_map="m")
    changed = refused(folder, simple(folder, 2024, head=["城市", "地区生产总值（万元）", HEAD[2]]), map="m")
    assert set(changed) == {"yearbook.measure-changed"}
    values = changed["yearbook.measure-changed"].values
    assert (values["old"], values["new"]) == ("亿元", "万元")


def test_the_line_above_a_table_gives_way_to_the_map_for_a_column_of_another_kind(folder):
    rows = [
        ["单位：万元"],
        ["城市", "地区生产总值", "污水集中处理率"],
        ["北京", 50000, 96],
        ["上海", 60000, 97],
    ]
    columns = (
        '{ header = "地区生产总值", indicator = "gdp", measure = "万元" },'
        ' { header = "污水集中处理率", indicator = "sewage", measure = "%" }'
    )
    done = load(folder, table(folder, rows), map=put(folder, f"[[tables]]\ncolumns = [{columns}]\n"))
    assert {(f.unit, f.indicator): f.value for f in done.facts if f.unit == "110000"} == {
        ("110000", "gdp"): 5,
        ("110000", "sewage"): 96,
    }
    wrong = put(folder, f"[[tables]]\ncolumns = [{columns.replace('万元', '亿元')}]\n", "wrong")
    assert set(refused(folder, table(folder, rows, 2024), map=wrong)) == {"yearbook.measure-changed"}


def test_shares_of_one_under_a_sign_of_per_cent_are_read_as_the_map_says(folder):
    file = table(folder, [["城市", "污水集中处理率（%）"], ["北京", 0.965], ["上海", 0.97]])
    assert "yearbook.fractions" in {problem.code for problem in load(folder, file, dry_run=True).warnings}
    column = '{ header = "污水集中处理率", indicator = "sewage", measure = "1" }'
    done = load(folder, file, map=put(folder, f"[[tables]]\ncolumns = [{column}]\n"))
    assert [(fact.value, fact.note) for fact in done.facts] == [(Decimal("96.5"), "0.965 1"), (97, "0.97 1")]


def test_a_table_that_is_gone_is_named(folder):
    load(folder, simple(folder), save_map="m")
    rows = [HEAD, *([NAMES[c], 1, 2] for c in NAMES)]
    assert set(refused(folder, table(folder, rows, 2024, name="另一张"), map="m")) == {"yearbook.table-gone"}


@pytest.mark.parametrize(
    ("text", "code", "key"),
    [
        ("[[tables]]\ncolumns = []\n", "yearbook.map-lacks", "tables.0.columns"),
        ("[[tables]]\n", "yearbook.map-lacks", "tables.0.columns"),
        (
            '[[tables]]\ncolumns = [{ header = "a", indicator = "gdp", measure = "斗" }]\n',
            "yearbook.map-measure",
            "tables.0.columns.0.measure",
        ),
        ("tabels = 1\n", "yearbook.map-key", "tabels"),
        ('channel = "post"\n', "yearbook.bad-map", "channel"),
        ('[marks]\n"—" = "gone"\n', "yearbook.bad-map", "marks.—"),
        ('[marks]\n"—" = nan\n', "yearbook.bad-map", "marks.—"),
        (
            '[[tables]]\nheader_rows = "two"\ncolumns = [{ header = "a", indicator = "gdp" }]\n',
            "yearbook.bad-map",
            "tables.0.header_rows",
        ),
        ("", "yearbook.map-lacks", "tables"),
    ],
)
def test_a_map_that_is_wrong_says_where_and_in_chinese_as_well(folder, text, code, key):
    found = refused(folder, simple(folder), map=put(folder, text))
    assert set(found) == {code}
    assert found[code].values["key"] == key
    chinese = found[code].text("zh")
    assert not any(word in chinese for word in ("Input", "should", "is no ", "Expected", "literal", "列 "))


def test_a_map_names_only_indicators_and_units_that_there_are(folder):
    text = '[[names]]\ntext = "穗"\nunit = "9"\n[[tables]]\ncolumns = [{ header = "a", indicator = "gpd" }]\n'
    found = refused(folder, simple(folder), map=put(folder, text))
    assert found["yearbook.map-codes"].values["codes"] == ["gpd", "9"]
    assert set(refused(folder, simple(folder), map="none")) == {"file.not-found"}


def test_a_map_is_never_written_over_and_has_a_plain_name(folder):
    load(folder, simple(folder), save_map="m")
    assert set(refused(folder, simple(folder, 2024), save_map="m")) == {"yearbook.map-exists"}
    assert set(refused(folder, simple(folder, 2024), save_map="../m")) == {"yearbook.map-name"}


def test_a_map_gives_columns_their_codes_and_units_whatever_they_are_called(folder):
    rows = [[f"{NAMES[c]}", float(truth("gdp", 2023)[c] * 10000), 7] for c in NAMES]
    file = table(folder, [["城市", "本地生产", "公园"], ["", "总量", "总量"], *rows])
    column = '{ header = "本地生产/总量", indicator = "gdp", measure = "万元" }'
    done = load(folder, file, map=put(folder, f"[[tables]]\ncolumns = [{column}]\n"))
    assert told(done) == facts(["gdp"], [2023])
    assert {(item.where, item.reason) for item in done.skipped if item.what == "column"} == {
        ("表!C", "not_in_map")
    }


def test_nothing_is_recognised_and_the_map_to_fill_in_lists_the_headers(folder):
    file = table(folder, [["城市", "本地生产（万元）"], *([NAMES[c], 5] for c in NAMES)])
    assert refused(folder, file)["yearbook.no-facts"].values["headers"] == ["本地生产"]
    done = load(folder, file, save_map="m")
    assert [problem.code for problem in done.warnings] == ["yearbook.map-to-fill"]
    text = (folder / "imports/m.toml").read_text(encoding="utf-8")
    assert "# " + '    { header = "本地生产", indicator = "", measure = "万元" },' in text
    filled = (
        text.replace('indicator = ""', 'indicator = "gdp"').replace("# ", "").replace("未对应", "# 未对应")
    )
    assert len(load(folder, file, map=put(folder, filled)).facts) == 6


@pytest.mark.parametrize(
    ("meaning", "state", "value"),
    [
        ("0", "value", Decimal(0)),
        ('"not_applicable"', "not_applicable", None),
        ('"missing"', "missing", None),
    ],
)
def test_a_dash_is_zero_only_where_the_map_says_so(folder, meaning, state, value):
    rows = [[NAMES[c], float(truth("gdp", 2023)[c]), "—" if c == "110000" else 5] for c in NAMES]
    file = table(folder, [HEAD, *rows])
    columns = '{ header = "年末常住人口", indicator = "pop", measure = "万人" }'
    text = f'[marks]\n"—" = {meaning}\n[[tables]]\ncolumns = [{columns}]\n'
    done = load(folder, file, map=put(folder, text))
    assert [(f.state, f.value) for f in done.facts if f.unit == "110000"] == [(state, value)]


def test_names_of_cities_come_from_the_map_and_hold_for_their_years(folder):
    text = """\
[[names]]
text = "宝安县"
unit = "440300"
to = 1979
[[names]]
text = "穗"
unit = "440100"
[[tables]]
skip_rows = ["市辖区"]
columns = [{ header = "年末常住人口", indicator = "pop", measure = "万人" }]
"""
    rows = [["城市", HEAD[2]], ["宝安县", 30], ["穗", 500], ["市辖区", 20], ["北京", 900]]
    old = load(folder, table(folder, rows, 1978), map=put(folder, text))
    assert told(old) == {
        ("440300", "pop", "1978"): 30,
        ("440100", "pop", "1978"): 500,
        ("110000", "pop", "1978"): 900,
    }
    assert ("表!5", "skip_rows") in {(item.where, item.reason) for item in old.skipped}
    new = load(folder, table(folder, rows, 2023), map="m")
    assert ("表!B3", "no_longer") in {(item.where, item.reason) for item in new.skipped}
    assert ("440300", "pop", "2023") not in told(new)
    [expired] = [problem for problem in new.warnings if problem.code == "yearbook.name-expired"]
    assert (expired.values["value"], expired.values["periods"]) == ("宝安县", ["2023"])


def test_a_city_that_ends_by_its_own_row_gets_no_later_facts(folder):
    lines = UNITS.splitlines()
    text = [f"{lines[0]},from,to", f"{lines[1]},,2020", *(f"{line},," for line in lines[2:])]
    (folder / "units.csv").write_text("\n".join(text) + "\n", encoding="utf-8")
    done = load(folder, simple(folder))
    assert "110000" not in {fact.unit for fact in done.facts}
    assert [p.values["value"] for p in done.warnings if p.code == "yearbook.name-expired"] == ["北京"]


def test_what_the_map_says_of_the_source_is_kept_and_what_is_told_goes_before(folder):
    told_of = Source("", producer="统计局", licence="CC BY 4.0", title="年鉴2024")
    load(folder, simple(folder), save_map="m", source=told_of)
    load(folder, simple(folder, 2024), map="m", source=Source("", title="年鉴2025"))
    [first, second] = cg.open(folder).sources.values()
    assert (first.title, first.producer, second.producer) == ("年鉴2024", "统计局", "统计局")
    assert (second.title, second.licence, second.sheet) == ("年鉴2025", "CC BY 4.0", "表")


def test_a_table_with_codes_alone_names_its_column_of_cities(folder):
    rows = [["编号", "甲"], ["110000", 5], ["310000", 6]]
    column = '{ header = "甲", indicator = "pop" }'
    text = f'[[tables]]\nunit_column = "编号"\nheader_rows = 1\ncolumns = [{column}]\n'
    done = load(folder, table(folder, rows), map=put(folder, text))
    assert told(done) == {("110000", "pop", "2023"): 5, ("310000", "pop", "2023"): 6}
    assert "yearbook.measure-not-stated" in {problem.code for problem in done.warnings}


def test_a_period_may_be_fixed_or_must_be_told(folder):
    rows = [["城市", HEAD[2]], ["北京", 5], ["上海", 6]]
    file = book(folder.parent / "plain.xlsx", {"表": (rows, [])})
    column = 'columns = [{ header = "年末常住人口", indicator = "pop", measure = "万人" }]'
    fixed = load(folder, file, map=put(folder, f'period = "2020"\n[[tables]]\n{column}\n', "fixed"))
    assert {fact.period for fact in fixed.facts} == {"2020"}
    by_hand = put(folder, f'period = "told"\n[[tables]]\n{column}\n', "told")
    assert set(refused(folder, file, map=by_hand)) == {"yearbook.no-period"}
    assert {fact.period for fact in load(folder, file, map=by_hand, period="2019").facts} == {"2019"}
