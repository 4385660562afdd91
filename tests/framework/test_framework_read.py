"""Frameworks as they come: encodings, languages of headers, three forms, any depth and order."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from citygauge.framework.coinr import read_imeta
from citygauge.framework.model import Framework, Node, RubricLevel
from citygauge.framework.read import load_framework, read_framework
from citygauge.problems import InputError, Problems

PLAIN = """\
code,parent,name_zh,name_en,weight,direction,unit,low,high
I,,指数,Index,,,,,
P,I,支柱甲,Pillar P,0.6,,,,
a,P,指标甲,Indicator a,,1,%,0,100
Q,I,支柱乙,Pillar Q,0.4,,,,
c,Q,指标丙,Indicator c,,-1,天,0,10
"""
CHINESE = PLAIN.replace(
    "code,parent,name_zh,name_en,weight,direction,unit,low,high",
    "代码,上级代码,名称,英文名称,权重,方向,单位,下限,上限",
)


def read(folder: Path, content: str | bytes, name: str = "framework.csv") -> Framework:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_framework(path)


def workbook(path: Path, **sheets: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def table(text: str) -> list[list[object]]:
    return [[cell or None for cell in line.split(",")] for line in text.splitlines()]


@pytest.fixture
def expected(tmp_path) -> tuple[Node, ...]:
    return read(tmp_path, PLAIN, "expected.csv").nodes


def test_nodes_have_the_fields_of_their_row(expected):
    assert expected[0] == Node("I", None, {"zh": "指数", "en": "Index"})
    assert expected[1] == Node("P", "I", {"zh": "支柱甲", "en": "Pillar P"}, weight=0.6)
    assert expected[4] == Node(
        "c", "Q", {"zh": "指标丙", "en": "Indicator c"}, direction=-1, unit="天", low=0.0, high=10.0
    )


def test_every_column_of_the_contract_arrives_in_its_field(tmp_path):
    header = (
        "code,parent,level,name_zh,name_en,weight,direction,unit,denominator,denominator_scale,scale,low,"
        "high,target_low,target_high,rubric,channels,definition_zh,definition_en,source,counterpart"
    )
    row = 'a,I,1,甲,A,2.5,+1,km,area,1000,ratio,-1.5,1e3,2,3,,"web; field",定义,"Text, long",book,ISO 1'
    node = read(tmp_path, f"{header}\nI\n{row}\n")["a"]
    assert node == Node(
        "a", "I", {"zh": "甲", "en": "A"}, weight=2.5, direction=1, unit="km", denominator="area",
        denominator_scale=1000.0, scale="ratio", low=-1.5, high=1000.0, target_low=2.0, target_high=3.0,
        channels=("web", "field"), definition={"zh": "定义", "en": "Text, long"}, source="book",
        counterpart="ISO 1",
    )  # fmt: skip


def test_a_rubric_in_a_cell_becomes_levels(tmp_path):
    text = "code,parent,unit,rubric\nI,,,\na,I,level,0: 无 | none ; 1=0.4 ; 2: 全\n"
    assert read(tmp_path, text)["a"].rubric == (
        RubricLevel(0, 0, {"zh": "无", "en": "none"}),
        RubricLevel(1, 0.4, {}),
        RubricLevel(2, 1, {"zh": "全"}),
    )


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode("utf-8"),
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("gb18030"),
        lambda text: text.replace("\n", "\r\n").encode("utf-8"),
        lambda text: text.replace("\n", "\r\n").encode("utf-8-sig"),
        lambda text: text.rstrip("\n").encode("gb18030"),
    ],
    ids=["utf-8", "bom", "gb18030", "crlf", "bom and crlf", "no newline at the end"],
)
@pytest.mark.parametrize("text", [PLAIN, CHINESE], ids=["english", "chinese"])
def test_encodings_line_ends_and_chinese_headers_make_no_difference(tmp_path, expected, text, encode):
    assert read(tmp_path, encode(text)).nodes == expected


def test_headers_are_known_in_capitals_too(tmp_path, expected):
    header, rest = PLAIN.split("\n", 1)
    assert read(tmp_path, header.upper().replace("CODE", "code") + "\n" + rest).nodes == expected


def test_a_cell_may_contain_commas_quotes_and_line_breaks(tmp_path):
    text = 'code,parent,name_en,definition_en\nI,,"One, ""two""","first\nsecond"\n'
    root = read(tmp_path, text).root
    assert (root.name["en"], root.definition["en"]) == ('One, "two"', "first\nsecond")


@pytest.mark.parametrize(
    ("word", "direction"),
    [
        ("1", 1),
        ("+1", 1),
        ("1.0", 1),
        ("Positive", 1),
        ("正向", 1),
        ("-1", -1),
        ("negative", -1),
        ("逆向", -1),
    ],
)
def test_directions_are_known_as_numbers_and_words(tmp_path, word, direction):
    text = f"code,parent,direction,unit\nI,,,\na,I,{word},%\n"
    assert read(tmp_path, text)["a"].direction == direction


@pytest.mark.parametrize("text", ["web;field", "web, field", "web；field", "web，field;"])
def test_channels_are_separated_by_semicolons_or_commas_of_either_width(tmp_path, text):
    framework = read(tmp_path, f'code,parent,channels\nI,,\na,I,"{text}"\n')
    assert framework["a"].channels == ("web", "field")


@pytest.mark.parametrize("depth", range(2, 7))
def test_a_tree_has_any_depth(tmp_path, depth):
    rows = "".join(f"n{level},{f'n{level - 1}' if level else ''}\n" for level in range(depth))
    framework = read(tmp_path, "code,parent\n" + rows)
    assert list(framework.levels.values()) == list(range(depth))
    assert framework.leaves == (f"n{depth - 1}",)


def test_a_single_node_is_a_tree(tmp_path):
    framework = read(tmp_path, "code,parent\nI,\n")
    assert framework.leaves == ("I",)
    assert framework.aggregates == ()


def test_leaves_may_stand_on_different_levels(tmp_path):
    framework = read(tmp_path, "code,parent,level\nI,,0\na,I,1\nP,I,1\nb,P,2\nQ,P,2\nc,Q,3\n")
    assert framework.leaves == ("a", "b", "c")
    assert [framework.levels[code] for code in framework.leaves] == [1, 2, 3]
    assert framework.leaves_under("P") == ("b", "c")


def test_children_may_stand_before_their_parents(tmp_path):
    framework = read(tmp_path, "code,parent\nc,Q\nb,P\na,P\nQ,I\nI,\nP,I\n")
    assert framework.codes == ("I", "Q", "c", "P", "b", "a")
    assert framework.children("P") == ("b", "a")


def test_the_order_of_the_columns_does_not_matter(tmp_path):
    one = read(tmp_path, "code,parent,name_en\nI,,Index\na,I,A\n")
    other = read(tmp_path, "name_en,parent,code\nIndex,,I\nA,I,a\n", "other.csv")
    assert one.nodes == other.nodes


def test_columns_and_languages_beyond_the_contract_are_kept(tmp_path):
    text = "code,parent,name_fr,definition_de,owner,备注\nI,,Indice,Erklärung,Li,\na,I,Part,,,看\n"
    framework = read(tmp_path, text)
    assert framework.root.name == {"fr": "Indice"}
    assert framework.root.definition == {"de": "Erklärung"}
    assert framework.root.extra == {"owner": "Li"}
    assert framework["a"].extra == {"备注": "看"}
    assert framework["a"].label("zh") == "Part"


def test_blank_rows_are_passed_over(tmp_path, expected):
    assert read(tmp_path, PLAIN.replace("\nQ,", "\n\n,,,,,,,,\nQ,")).nodes == expected


def test_weights_texts_and_unit_names_lie_beside_the_table(tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "平均.csv").write_text("代码,权重\nP,1\nQ,3\n", encoding="utf-8")
    (tmp_path / "framework.toml").write_text(
        'code = "x"\ntitle_en = "X"\ntitle_fr = "Ix"\ndescription_zh = "说明"\nsource = "s"\nlicence = "l"\n',
        encoding="utf-8",
    )
    (tmp_path / "unit_names.csv").write_text("unit,name_zh,name_en\n天,天,days\n", encoding="utf-8")
    framework = read(tmp_path, PLAIN)
    assert framework.weight_sets == {"平均": {"P": 1.0, "Q": 3.0}}
    assert (framework.code, framework.source, framework.licence) == ("x", "s", "l")
    assert framework.title == {"en": "X", "fr": "Ix"}
    assert framework.description == {"zh": "说明"}
    assert framework.unit_names == {"天": {"zh": "天", "en": "days"}}
    assert read_framework(tmp_path) == framework
    assert read_framework(str(tmp_path)) == framework


def test_a_workbook_gives_the_same_nodes(tmp_path, expected):
    assert read_framework(workbook(tmp_path / "f.xlsx", 指标=table(PLAIN))).nodes == expected
    assert read_framework(workbook(tmp_path / "f.xlsx", 指标=table(CHINESE))).nodes == expected


def test_numbers_in_a_workbook_may_be_numbers(tmp_path):
    rows = [
        ["code", "parent", "weight", "direction", "unit", "low", "high"],
        [1],
        [11, 1, 1 / 3, -1, "%", 0, 7],
    ]
    node = read_framework(workbook(tmp_path / "f.xlsx", f=rows))["11"]
    assert node == Node("11", "1", weight=1 / 3, direction=-1, unit="%", low=0.0, high=7.0)


def test_the_table_of_a_workbook_need_not_begin_in_the_first_cell(tmp_path, expected):
    rows = [[], [], *([None, None, *row] for row in table(PLAIN))]
    assert read_framework(workbook(tmp_path / "f.xlsx", f=rows)).nodes == expected


def test_the_sheet_named_framework_is_read_wherever_it_stands(tmp_path, expected):
    path = workbook(tmp_path / "f.xlsx", notes=[["read me"]], framework=table(PLAIN))
    assert read_framework(path).nodes == expected


def test_a_sheet_of_weights_holds_one_set_in_each_column(tmp_path):
    weights = [["code", "even", "half"], ["P", 1, 2.5], ["Q", 1, 0.5], ["a", None, 1]]
    path = workbook(tmp_path / "f.xlsx", framework=table(PLAIN), weights=weights)
    assert read_framework(path).weight_sets == {
        "even": {"P": 1.0, "Q": 1.0},
        "half": {"P": 2.5, "Q": 0.5, "a": 1.0},
    }


def test_a_workbook_holds_the_texts_and_unit_names_too(tmp_path):
    path = workbook(
        tmp_path / "f.xlsx",
        framework=table(PLAIN),
        about=[["key", "text"], ["code", "x"], ["title_zh", "标题"], ["licence", "free"]],
        unit_names=[["unit", "name_zh", "name_en"], ["天", "天", "days"]],
    )
    framework = read_framework(path)
    assert (framework.code, framework.licence, framework.source) == ("x", "free", "")
    assert framework.title == {"zh": "标题"}
    assert framework.unit_names == {"天": {"zh": "天", "en": "days"}}


YAML = """\
code: x
title_en: X
nodes:
- {code: I, name_zh: 指数, name_en: Index}
- {code: P, parent: I, name_zh: 支柱甲, name_en: Pillar P, weight: 0.6}
- {code: a, parent: P, name_zh: 指标甲, name_en: Indicator a, direction: 1, unit: "%", low: 0, high: 100}
- {code: Q, parent: I, name_zh: 支柱乙, name_en: Pillar Q, weight: 0.4}
- {code: c, parent: Q, name_zh: 指标丙, name_en: Indicator c, direction: -1, unit: 天, low: 0, high: 10}
weights:
  even: {P: 1, Q: 1.5}
unit_names:
  天: {en: days}
"""


@pytest.mark.parametrize("name", ["f.yaml", "f.yml"])
def test_yaml_gives_the_same_nodes_with_weights_and_texts(tmp_path, expected, name):
    framework = read(tmp_path, YAML, name)
    assert framework.nodes == expected
    assert framework.weight_sets == {"even": {"P": 1.0, "Q": 1.5}}
    assert (framework.code, framework.title) == ("x", {"en": "X"})
    assert framework.unit_names == {"天": {"en": "days"}}


def test_yaml_may_list_channels_and_use_chinese_keys(tmp_path):
    text = "nodes:\n- {代码: I}\n- {代码: a, 上级代码: I, 方向: 正向, channels: [web, field]}\n"
    node = read(tmp_path, text, "f.yaml")["a"]
    assert (node.parent, node.direction, node.channels) == ("I", 1, ("web", "field"))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nodes: [", "file.not-yaml"),
        ("nodes: []", "framework.no-nodes"),
        ("nodes: text", "framework.no-nodes"),
        ("- a\n- b", "framework.no-nodes"),
        ("", "framework.no-nodes"),
    ],
)
def test_yaml_without_nodes_is_refused(tmp_path, text, code):
    (tmp_path / "f.yaml").write_text(text, encoding="utf-8")
    problems = Problems()
    assert load_framework(tmp_path / "f.yaml", problems) is None
    assert [problem.code for problem in problems] == [code]


@pytest.mark.parametrize("name", ["f.csv", "f.xlsx", "f.yaml", "folder"])
def test_a_missing_file_is_one_problem(tmp_path, name):
    with pytest.raises(InputError) as error:
        read_framework(tmp_path / name)
    assert len(error.value.problems) == 1


def test_broken_toml_beside_the_table_is_a_problem(tmp_path):
    (tmp_path / "framework.toml").write_text("code = ", encoding="utf-8")
    with pytest.raises(InputError) as error:
        read(tmp_path, PLAIN)
    assert [problem.code for problem in error.value.problems] == ["file.not-toml"]


IMETA = """\
iCode,iName,Level,Parent,Type,Direction,Weight,Unit,Target,Denominator
GDP,Gross product,,,Denominator,,,EUR,,
Area,Continent,,,Group,,,,,
x,Ex,1,P,Indicator,1,1,km,90,GDP
y,Why,1,P,Indicator,-1,2,days,5,
z,Zed,1,Q,Indicator,1,1,%,,
P,Pee,2,I,Aggregate,1,3,score,70,
Q,Queue,2,I,Aggregate,-1,1,score,,
I,Index,3,,Aggregate,1,1,score,,
n,Note,,,Other,,,,,
"""


def test_imeta_has_its_levels_reversed_and_only_the_tree_in_it(tmp_path):
    (tmp_path / "iMeta.csv").write_text(IMETA, encoding="utf-8")
    problems = Problems()
    meta = read_imeta(tmp_path / "iMeta.csv", problems)
    assert problems.errors == ()
    assert meta is not None
    assert meta.framework.levels == {"I": 0, "P": 1, "x": 2, "y": 2, "Q": 1, "z": 2}
    assert meta.indicators == ("x", "y", "z")
    assert meta.groups == ("Area",)
    assert meta.denominators == ("GDP",)
    assert meta.units_of_measure["GDP"] == "EUR"


def test_aggregates_of_imeta_lose_direction_unit_and_target(tmp_path):
    (tmp_path / "iMeta.csv").write_text(IMETA, encoding="utf-8")
    meta = read_imeta(tmp_path / "iMeta.csv", Problems())
    assert meta is not None
    assert meta.framework["P"] == Node("P", "I", {"en": "Pee"}, weight=3.0)
    assert meta.framework["Q"] == Node("Q", "I", {"en": "Queue"}, weight=1.0)


def test_the_target_of_imeta_is_an_upper_or_a_lower_one_by_direction(tmp_path):
    (tmp_path / "iMeta.csv").write_text(IMETA, encoding="utf-8")
    meta = read_imeta(tmp_path / "iMeta.csv", Problems())
    assert meta is not None
    assert meta.framework["x"] == Node(
        "x", "P", {"en": "Ex"}, weight=1.0, direction=1, unit="km", denominator="GDP", target_high=90.0
    )
    assert meta.framework["y"] == Node(
        "y", "P", {"en": "Why"}, weight=2.0, direction=-1, unit="days", target_low=5.0
    )


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (",Type,", ",Kind,", "coinr.missing-column"),
        ("Ex,1,P,Indicator", "Ex,1,P,Measure", "coinr.unknown-type"),
        ("Ex,1,P", "Ex,1,I", "coinr.level-gap"),
        ("Ex,1,P", "Ex,one,P", "framework.not-a-number"),
    ],
)
def test_an_imeta_table_that_does_not_fit_is_refused(tmp_path, old, new, code):
    (tmp_path / "iMeta.csv").write_text(IMETA.replace(old, new), encoding="utf-8")
    problems = Problems()
    assert read_imeta(tmp_path / "iMeta.csv", problems) is None
    assert [problem.code for problem in problems.errors] == [code]
    if code != "coinr.missing-column":
        assert problems.errors[0].where.row == 4
