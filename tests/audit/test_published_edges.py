"""Reading a published index: what is written is what is read, and everything wrong is told at once."""

from __future__ import annotations

import time
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citygauge.audit.given import Given, range_of
from citygauge.audit.published import Line, Published
from citygauge.audit.read import published_at, read_published
from citygauge.problems import InputError

TREE = """
[overall]
mean = 0.61
[[pillar]]
code = "P"
name_zh = "支柱甲"
name_en = "Pillar P"
weight = 0.6
mean = 0.70
[[pillar]]
code = "Q"
name_zh = "支柱乙"
name_en = "Pillar Q"
weight = 0.4
mean = 0.48
"""


@pytest.fixture
def read(tmp_path):
    """Return a function that writes a file, and others beside it, and reads it."""

    def reading(text: str, **beside: str | bytes) -> Published:
        for name, content in beside.items():
            data = content if isinstance(content, bytes) else content.encode()
            (tmp_path / name.replace("__", ".")).write_bytes(data)
        (tmp_path / "p.toml").write_text(text, encoding="utf-8")
        return read_published(tmp_path / "p.toml")

    return reading


@pytest.fixture
def wrong(read):
    """Return a function that reads a file that cannot be used and returns its problems by code."""

    def reading(text: str, **beside: str | bytes) -> dict[str, list[str]]:
        with pytest.raises(InputError) as caught:
            read(text, **beside)
        found: dict[str, list[str]] = {}
        for problem in caught.value.problems:
            found.setdefault(problem.code, []).append(problem.text("en"))
            assert problem.text("zh")
        return found

    return reading


def test_the_short_form_runs_as_it_is_and_finds_its_parents_in_the_framework(reference):
    published = read_published(reference("smart-2021/published.toml"))
    assert published.children("overall") == ("S", "M", "A", "R", "T")
    assert published.children("A") == ("A1", "A2", "A3", "A4")
    assert published.nodes["A1"].name_en == "Platform openness"
    assert str(published.figures["A1.mean"].value) == "0.53"
    assert str(published.figures["A.mean"].interval()) == "[0.795, 0.805]"
    assert published.figures["overall.mean"].rule == "unknown"
    assert published.figures["S1.sd"].value == Decimal("0.09")
    assert published.figures["group.珠三角.mean"].value == Decimal("0.79")
    assert [str(grade.range) for grade in published.grades] == ["[0.85, ∞)", "[0.7, 0.85)", "(-∞, 0.7)"]
    assert [published.figures[f"grade.{grade.name}.n"].value for grade in published.grades] == [8, 17, 25]
    assert {statement.kind for statement in published.statements} == {"words"}
    # Counts of indicators as in the annex of the report.
    assert [published.nodes[code].indicators for code in "SMART"] == [9, 10, 10, 6, 17]


def test_an_index_with_a_hundred_points_and_figures_in_all_their_forms_is_read(read):
    published = read(
        """
        title_zh = "指数"
        title_en = "Index"
        scale = [0, 100]
        rounding = { step = "0.1", rule = "half_up" }
        sd_formula = "sample"
        weights_rounded = true
        [overall]
        how = "geometric"
        mean = { value = 60.5, rounding = "truncated", where = "p. 3" }
        sd = "＞ 9.5"
        n_units = 4
        [[pillar]]
        code = "P"
        weight = { value = 30, tolerance = 2 }
        mean = 61
        [[pillar]]
        code = "Q"
        weight = "70%"
        mean = { value = 60.25, digits = 2 }
        """
    )
    figures = published.figures
    assert published.scale.high == 100
    assert published.sd_formula == "sample"
    assert published.nodes["overall"].how == "geometric"
    assert str(figures["overall.mean"].interval()) == "[60.5, 60.6)"
    assert figures["overall.mean"].where == "p. 3"
    assert str(figures["overall.sd"].interval()) == "(9.5, ∞)"
    assert str(figures["P.weight"].interval()) == "[28, 32]"
    assert (figures["Q.weight"].value, figures["Q.weight"].step) == (Decimal("0.70"), Decimal("0.01"))
    assert str(figures["P.mean"].interval()) == "[60.95, 61.05)"
    assert str(figures["Q.mean"].interval()) == "[60.245, 60.255)"
    assert figures["units.n"].value == 4
    assert str(figures["units.n"].interval()) == "[4, 4]"


@given(whole=st.integers(0, 99), digits=st.integers(1, 8), data=st.data(), percent=st.booleans())
def test_a_figure_keeps_its_digits(whole, digits, data, percent):
    text = f"{whole}.{data.draw(st.integers(0, 10**digits - 1)):0{digits}d}"
    value = Given.model_validate(f"{text}%" if percent else Decimal(text))
    places = digits + 2 * percent
    assert value.value == Decimal(text) / (100 if percent else 1)
    assert value.own_step == Decimal(1).scaleb(-places)
    assert f"{value.value:.{places}f}" == f"{Decimal(text) / (100 if percent else 1):.{places}f}"


@given(low=st.decimals(0, 1, places=3), width=st.decimals("0.001", 1, places=3))
def test_ranges_are_read_in_every_way_of_writing_them(low, width):
    high, a = low + width, Fraction(low)
    b = Fraction(high)
    between = [f"{low}-{high}", f"{low}–{high}", f"{low}至{high}", f"[{low}, {high})", f"［{low}，{high}）"]
    for text in between:
        found = range_of(text)
        assert (found.low, found.high, found.low_open, found.high_open) == (a, b, False, True)
    for text in (f">= {low}", f"≥{low}", f"{low}以上", f"{low}及以上", f"{low} or above"):
        assert (range_of(text).low, range_of(text).low_open, range_of(text).high) == (a, False, None)
    for text in (f"< {high}", f"＜{high}", f"{high}以下", f"below {high}"):
        assert (range_of(text).high, range_of(text).high_open, range_of(text).low) == (b, True, None)
    assert str(range_of(f"({low}, {high}]")) == str(range_of(f"（{low},{high}］"))


def test_names_stand_for_figures_in_statements(read):
    published = read(
        TREE
        + """
        [group_means]
        "东部" = 0.66
        [[statement]]
        id = "a"
        kind = "above"
        of = ["支柱甲", "Pillar P", "P.mean", "东部"]
        against = ["overall", "支柱乙"]
        [[statement]]
        id = "d"
        kind = "distinct"
        listed = ["x", "y"]
        against = ["支柱甲"]
        [[relation]]
        id = "gap"
        kind = "difference"
        of = ["支柱甲", "支柱乙"]
        value = 0.22
        [[ordering]]
        id = "o"
        units = ["b", "a"]
        of = "Pillar Q"
        leading = true
        """
    )
    first, second = published.statements
    assert first.of == ("P.mean", "P.mean", "P.mean", "group.东部.mean")
    assert first.against == ("overall.mean", "Q.mean")
    assert second.against == ("P",)
    assert published.relations[0].of == ("P.mean", "Q.mean")
    assert str(published.figures["relation.gap"].interval()) == "[0.215, 0.225]"
    assert (published.orderings[0].of, published.orderings[0].leading) == ("Q", True)


def test_a_node_may_stand_above_its_parent_in_the_file_and_has_goalposts(read):
    published = read(
        TREE
        + """
        [[node]]
        code = "x"
        parent = "y"
        indicators = 2
        goalposts = { low = 100, high = 75000, scaling = "log" }
        [[node]]
        code = "y"
        parent = "支柱甲"
        how = "harmonic"
        count = 3
        min = 0.1
        max = 0.9
        """
    )
    assert (published.nodes["x"].parent, published.nodes["y"].parent) == ("y", "P")
    assert published.nodes["x"].goalposts.scaling == "log"
    assert (published.nodes["x"].indicators, published.nodes["y"].indicators) == (2, 3)
    assert published.figures["y.count"].value == 3
    assert published.figures["y.min"].name_en == "lowest value of y"


def test_a_full_width_bracket_or_a_space_does_not_hide_a_name(read):
    published = read(
        'framework = "smart-2021"\n[dimension_means]\n"信息(数据)资源库 建设" = 0.48\n'
        '"platform openness" = 0.53\n'
    )
    assert {"R2.mean", "A1.mean"} <= set(published.figures)
    assert (published.nodes["R2"].parent, published.nodes["R"].parent) == ("R", "overall")


def test_a_pillar_with_a_code_of_its_own_keeps_it(read):
    published = read(
        '[[pillar]]\ncode = "1"\nname_zh = "服务完备度"\nmean = 0.7\n[dimension_means]\n"数字服务" = 0.8\n'
    )
    assert published.nodes["S1"].parent == "1"


def test_a_framework_beside_the_file_gives_parents_and_counts(read):
    framework = (
        "code,parent,level,name_zh,name_en,direction,unit,low,high\nI,,0,指数,Index,,,,\n"
        "P,I,1,甲,First,,,,\na,P,2,子,Child,1,%,0,100\nb,P,2,丑,Other,1,%,0,100\n"
    )
    published = read('framework = "f.csv"\n[dimension_means]\n"子" = 0.5\nOther = 0.6\n', f__csv=framework)
    assert [node.parent for node in published.nodes.values()] == [None, "overall", "P", "P"]
    assert published.nodes["P"].indicators == 2


def test_several_periods_have_figures_and_weights_of_their_own(read):
    published = read(
        """
        [[edition]]
        period = 2019
        overall = { mean = 0.60, n_units = 4 }
        pillar = [{ code = "P", mean = 0.5, weight = 1 }]
        group_means = { "东部" = 0.7 }
        [[edition]]
        period = "2020"
        overall = { mean = 0.62 }
        pillar = [{ code = "P", mean = 0.62 }]
        [[weights]]
        period = 2020
        P = 1.0
        [[statement]]
        id = "rose"
        kind = "above"
        of = ["2020:overall"]
        against = ["2019:overall.mean"]
        """
    )
    assert published.lines == (Line("mean", "2019"), Line("mean", "2020"))
    assert published.nodes["P"].parent == "overall"
    assert {"2019:units.n", "2019:P.weight", "2020:P.weight", "2019:group.东部.mean"} <= set(
        published.figures
    )
    assert published.weight("P", "2020").value == 1
    assert published.statements[0].of == ("2020:overall.mean",)
    assert published.figures["2020:P.mean"].name_zh == "P的平均指数（2020）"


@pytest.mark.parametrize("form", ["[weights]", "[[weights]]"])
def test_weights_may_stand_apart(read, form):
    published = read(f'[[pillar]]\ncode = "P"\nname_zh = "甲"\nmean = 0.5\n{form}\n"甲" = 0.30\n')
    assert str(published.figures["P.weight"].value) == "0.30"
    assert published.figures["P.weight"].step == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_table_of_units_is_read_in_any_encoding_with_blank_cells_left_out(read, encoding):
    cells = "城市,年,总,甲,名次\n北京,2019,0.70,0.8,1\n上海,2019,..,,2\n北京,2020,0.71,0.82,1\n"
    published = read(
        TREE
        + """
        [[table]]
        name = "T"
        file = "t.csv"
        unit = "城市"
        period = "年"
        columns = { "总" = "overall", "甲" = "支柱甲", "名次" = "rank" }
        digits = { "甲" = { 2020 = 3 } }
        tolerance = { "总" = 0.01 }
        missing = [".."]
        """,
        t__csv=cells.encode(encoding),
    )
    figures = published.figures
    assert str(figures["2019:T/北京/overall"].interval()) == "[0.69, 0.71]"
    assert figures["2019:T/北京/P"].step == Decimal("0.1")
    assert figures["2020:T/北京/P"].step == Decimal("0.001")
    assert figures["2019:T/上海/rank"].step == 0
    assert not {"2019:T/上海/P", "2019:T/上海/overall"} & set(figures)
    assert Line("unit", "2020", "T", "北京") in published.lines
    assert figures["2019:T/北京/P"].name_en == "Pillar P of 北京 (2019)"


def test_rows_may_be_written_in_the_file_and_be_chosen(read):
    published = read(
        TREE
        + """
        [[table]]
        name = "T"
        head = ["who", "kind", "p"]
        rows = [["a", 1, 0.50], ["mean", 2, 0.6], ["b", 1, ""]]
        unit = "who"
        columns = { p = "P" }
        where = { kind = 1 }
        """
    )
    assert [line.unit for line in published.lines if line.kind == "unit"] == ["a", "b"]
    assert str(published.figures["T/a/P"].value) == "0.50"


def test_a_table_alone_finds_its_nodes_in_a_framework(read):
    published = read(
        '[[table]]\nname = "E"\nhead = ["c", "o", "t"]\nrows = [["x", 0.5, 0.4]]\nunit = "c"\n'
        'columns = { o = "Online Service Index", t = "tii" }\n'
    )
    assert set(published.figures) == {"E/x/osi", "E/x/tii"}
    assert published.nodes["tii"].parent == "overall"


def test_units_have_groups_and_facts_and_groups_find_their_members(read):
    units = "unit,name_en,group:circle,gdp,code\n甲,A,东,12.5,007\n,,,,\n乙,B,西,9,nan\n丙,C,东,,3\n"
    published = read(
        'units = "u.csv"\n'
        + TREE
        + """
        [[group]]
        name = "东"
        kind = "circle"
        mean = 0.7
        [[group]]
        name = "西"
        kind = "circle"
        members = ["乙", "丙"]
        readings.narrow = ["乙"]
        """,
        u__csv=units,
    )
    assert list(published.units) == ["甲", "乙", "丙"]
    assert published.units["甲"].facts == {"gdp": Decimal("12.5"), "code": "007"}
    assert published.units["乙"].facts["code"] == "nan"
    assert published.groups[0].members == ("甲", "丙")
    assert published.groups[1].members == ("乙", "丙")
    assert published.groups[1].readings["narrow"] == ("乙",)


def test_a_unit_in_two_grades_or_twice_in_a_list_stays_readable(read):
    published = read(
        TREE
        + """
        [[grade]]
        name = "high"
        range = ">= 0.5"
        members = ["a", "b", "b"]
        n = 2
        share = "66.7%"
        [[grade]]
        name = "low"
        range = "< 0.5"
        members = ["a"]
        n = 1
        share = { value = 0.33, digits = 2 }
        """
    )
    assert published.grades[0].members == ("a", "b", "b")
    assert list(published.units) == ["a", "b"]
    assert published.figures["grade.high.share"].step == Decimal("0.001")
    assert published.figures["grade.low.n"].name_en == "number of low"


def test_four_thousand_cells_are_read_in_a_second(read):
    columns = [f"n{i}" for i in range(20)]
    nodes = "".join(f'[[pillar]]\ncode = "{name}"\n' for name in columns)
    rows = "".join(f"u{i}," + ",".join(f"0.{j:02d}{i % 10}" for j in range(20)) + "\n" for i in range(200))
    given = ", ".join(f'{name} = "{name}"' for name in columns)
    start = time.perf_counter()
    published = read(
        nodes + f'[[table]]\nname = "T"\nfile = "t.csv"\nunit = "u"\ncolumns = {{ {given} }}\n',
        t__csv="u," + ",".join(columns) + "\n" + rows,
    )
    assert len(published.figures) == 4000
    assert time.perf_counter() - start < 3  # a second, on a machine that others use too


def test_a_built_in_name_is_taken_where_there_is_no_such_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert published_at("smart-2021").year == "2021"
    with pytest.raises(InputError) as caught:
        published_at("smart-2022")
    assert [problem.code for problem in caught.value.problems] == ["published.no-file"]


def test_an_empty_file_is_told(wrong):
    assert list(wrong("")) == ["published.no-figures"]
    assert list(wrong('title = "x"\n')) == ["published.no-figures"]


def test_what_is_no_toml_is_told_with_its_line(wrong):
    (text,) = wrong("a = 1\nb = = 2\n")["file.not-toml"]
    assert "row 2" in text


def test_wrong_keys_have_near_ones_at_every_depth(wrong):
    found = wrong(TREE.replace("mean = 0.70", "men = 0.70").replace("mean = 0.48", "mean = { vale = 0.48 }"))
    top, below = found["published.unknown-key"]
    assert "pillar[1].men" in top
    assert "mean" in top
    assert "pillar[2].mean.vale" in below
    assert "Known: value." in below


@pytest.mark.parametrize(
    ("given", "key", "reason"),
    [
        ('mean = "viel"', "pillar[1].mean", "no figure"),
        ("mean = true", "pillar[1].mean", "number"),
        ("mean = nan", "pillar[1].mean.value", "finite"),
        ("mean = inf", "pillar[1].mean.value", "finite"),
        ("mean = { value = 0.123, digits = 2 }", "pillar[1].mean", "more than the 2 decimals"),
        ('mean = { value = 0.1, rounding = "up" }', "pillar[1].mean.rounding", "half_up"),
        ("mean = { value = 0.1, tolerance = -1 }", "pillar[1].mean.tolerance", "at least 0"),
        ('mean = 0.1\nhow = "median"', "pillar[1].how", "geometric"),
        ("mean = 0.1\nindicators = 0", "pillar[1].indicators", "at least 1"),
    ],
)
def test_a_value_that_will_not_do_is_told_with_its_key(wrong, given, key, reason):
    (text,) = wrong(TREE.replace("mean = 0.70", given))["published.bad-value"]
    assert f"column {key}:" in text
    assert reason in text


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("scale = [1, 0]", "scale"),
        ("scale = [1, 1]", "scale"),
        ('rounding = "sideways"', "rounding.rule"),
        ("rounding = -0.1", "rounding.step"),
        ('weights = "equal"', "weights"),
        ("weights = { P = -0.1 }", "weights[1].weights.P"),
        ('grade = [{ name = "g", range = "0.9-0.2" }]', "grade[1].range"),
        ('grade = [{ name = "g", range = "high" }]', "grade[1].range"),
        ('ordering = [{ id = "o", units = ["x"] }]', "ordering[1]"),
        ('ordering = [{ id = "o", units = ["x"], by = ["f"], of = "P" }]', "ordering[1]"),
        ('statement = [{ id = "s", kind = "close_to", of = ["P"] }]', "statement[1]"),
        ('statement = [{ id = "s", kind = "lowest", of = ["P"], value = 1 }]', "statement[1]"),
        ('statement = [{ id = "s", kind = "rises_with" }]', "statement[1]"),
        ('statement = [{ id = "s", kind = "distinct", listed = ["x"] }]', "statement[1]"),
        ('statement = [{ id = "s", kind = "order" }]', "statement[1]"),
        ('relation = [{ id = "r", kind = "ratio", of = ["P"], value = 1 }]', "relation[1]"),
    ],
)
def test_what_says_nothing_is_refused(wrong, given, key):
    (text,) = wrong(f"{given}\n{TREE}")["published.bad-value"]
    assert f"column {key}:" in text


def test_every_problem_of_a_file_is_told_at_once(wrong):
    found = wrong(
        TREE
        + """
        [dimension_means]
        "没有" = 0.5
        [[pillar]]
        mean = 0.5
        [[node]]
        code = "z"
        parent = "Pillar X"
        [[unit]]
        name = "甲"
        [[ordering]]
        id = "o"
        of = "W"
        units = ["甲", "乙"]
        [[statement]]
        id = "s"
        kind = "above"
        of = ["P.median"]
        value = 0.5
        [[table]]
        name = "T"
        file = "no.csv"
        unit = "u"
        columns = { p = "P" }
        """
    )
    assert set(found) == {
        "published.no-parent", "published.no-name", "published.unknown-name", "published.unknown-units",
        "published.unknown-figure", "file.not-found",
    }  # fmt: skip
    assert len(found["published.no-parent"]) == 1
    assert len(found["published.unknown-name"]) == 2
    assert "乙" in found["published.unknown-units"][0]


def test_an_unknown_name_has_near_ones_from_the_framework(wrong):
    found = wrong('framework = "smart-2021"\n[dimension_means]\n"平台开放" = 0.53\n')
    assert list(found) == ["published.unknown-name"]
    assert "平台开放度" in found["published.unknown-name"][0]


def test_parents_in_a_circle_are_told(wrong):
    found = wrong(
        TREE + '[[node]]\ncode = "a"\nparent = "b"\nmean = 0.5\n[[node]]\ncode = "b"\nparent = "a"\n'
    )
    assert list(found) == ["published.cycle"]
    assert "a, b" in found["published.cycle"][0]
    assert list(wrong(TREE + '[[node]]\ncode = "a"\nparent = "a"\n')) == ["published.cycle"]


@pytest.mark.parametrize(
    "text",
    [
        TREE + '[[pillar]]\ncode = "P"\nmean = 0.5\n',
        TREE + '[[node]]\ncode = "overall"\nparent = "P"\n',
        TREE + '[[unit]]\nname = "x"\n[[unit]]\nname = "x"\n',
        TREE + '[group_means]\nE = 0.5\n[[group]]\nname = "E"\nmean = 0.5\n',
        TREE + '[[group]]\nname = "E"\n[[group]]\nname = "E"\nkind = "other"\n',
        TREE + '[[grade]]\nname = "g"\nrange = "> 0"\n[[grade]]\nname = "g"\nrange = "< 0"\n',
        TREE + '[statements]\ns = "x"\n[[statement]]\nid = "s"\nkind = "words"\n',
        TREE + "[[edition]]\nperiod = 2019\n[[edition]]\nperiod = 2019\n",
        TREE + '[[table]]\nname="T"\nhead=["u","p"]\nrows=[["a",1],["a",2]]\nunit="u"\ncolumns={p="P"}\n',
    ],
)
def test_what_is_given_twice_is_told_once(wrong, text):
    found = wrong(text)
    assert [len(texts) for texts in found.values()] == [1]
    assert list(found) == ["published.twice"]


def test_cells_that_are_no_figures_are_told_together_with_the_first_row(wrong):
    table = '[[table]]\nname="T"\nfile="t.csv"\nunit="u"\ncolumns={p="P"}\ndigits={p=1}\n'
    (text,) = wrong(TREE + table, t__csv="u,p\na,0.5\nb,n/a\nc,0.55\nd,1e9999\n")["published.bad-cell"]
    assert "t.csv, row 3, column p" in text
    assert all(cell in text for cell in ("b: n/a", "c: 0.55", "d: 1e9999"))


def test_columns_that_a_table_lacks_are_told(wrong):
    table = '[[table]]\nname="T"\nfile="t.csv"\nunit="u"\nperiod="y"\ncolumns={p="P", q="Q"}\n'
    (text,) = wrong(TREE + table, t__csv="u,p\na,0.5\n")["published.missing-columns"]
    assert "y" in text
    assert "q" in text


def test_a_table_of_units_needs_their_names(wrong):
    (text,) = wrong('units = "u.csv"\n' + TREE, u__csv="town,gdp\nx,1\n")["published.no-unit-column"]
    assert "town" in text


def test_names_that_no_unit_has_are_told(wrong):
    found = wrong(
        'units = "u.csv"\n'
        + TREE
        + '[[grade]]\nname = "g"\nrange = "> 0"\nmembers = ["Suzhu"]\n'
        + '[[table]]\nname="T"\nhead=["u","p"]\nrows=[["Taizou",1]]\nunit="u"\ncolumns={p="P"}\n',
        u__csv="unit\nSuzhou\nTaizhou\n",
    )
    grade, table = found["published.unknown-units"]
    assert "Suzhu" in grade
    assert "Taizou" in table


def test_a_framework_that_is_none_is_told_with_those_that_are(wrong):
    assert "smart-2021" in wrong('framework = "smart"\n' + TREE)["published.no-framework"][0]


def test_a_figure_that_is_not_printed_cannot_be_spoken_of(wrong):
    statement = '[[statement]]\nid = "s"\nkind = "above"\nof = ["P.sd"]\nvalue = 0.1\n'
    (text,) = wrong(TREE + statement)["published.unknown-figure"]
    assert "P.sd" in text
    assert "P.mean" in text
