"""What a workspace assesses: which units, which period, and what its settings may say."""

from __future__ import annotations

import io

import pandas as pd
import polars as pl
import pytest

import citygauge as cg
from citygauge.framework.read import read_framework
from citygauge.problems import InputError, Problems

BASE = 'framework = "framework.csv"\n'
MANY = """\
unit,name_zh,name_en,size,circle
1,苏州,Suzhou,30,east
2,台州,Taizhou,20,east
3,成都,Chengdu,20,west
4,北京,Beijing,40,north
5,武汉,Wuhan,,middle
"""


def chosen(workspace, settings: str, units: str = MANY) -> tuple[tuple[str, ...], list]:
    opened = cg.open(workspace(assessment__toml=BASE + settings, units__csv=units))
    problems = Problems()
    codes = opened.assessed_units(problems).codes
    return codes, [problem for problem in problems if problem.code != "facts.no-source"]


def refused(workspace, **files: str) -> list[str]:
    with pytest.raises(InputError) as error:
        cg.assess(cg.open(workspace(**files)))
    return [problem.code for problem in error.value.problems if problem.severity == "error"]


@pytest.mark.parametrize(
    ("settings", "codes"),
    [
        ("", "12345"),
        ('[units]\nlist = ["3", "1"]\n', "13"),
        ('[units]\nlist = ["成都市", "1", "beijing"]\n', "134"),
        ('[units]\nwhere = { circle = "east" }\n', "12"),
        ('[units]\nwhere = { circle = ["east", "west"] }\n', "123"),
        ('[units]\nwhere = { circle = ["east", "west"], size = "20" }\n', "23"),
        ('[units]\nlist = ["1", "3", "4"]\nwhere = { circle = ["east", "north"] }\n', "14"),
        ('[units]\ntop = 2\nby = "size"\n', "14"),
        ('[units]\ntop = 1\nby = "size"\nwhere = { circle = "east" }\n', "1"),
        ('[units]\ntop = 4\nby = "size"\n', "1234"),
    ],
)
def test_units_are_chosen_by_list_filter_and_size_in_the_order_of_the_table(workspace, settings, codes):
    assert chosen(workspace, settings)[0] == tuple(codes)


def test_a_tie_at_the_edge_of_the_top_is_noted_and_the_number_kept(workspace):
    codes, problems = chosen(workspace, '[units]\ntop = 3\nby = "size"\n')
    assert codes == ("1", "2", "4")
    tie = next(problem for problem in problems if problem.code == "settings.tie-at-the-edge")
    assert tie.severity == "warning"
    assert set(tie.values["units"]) == {"2", "3"}


def test_a_tie_away_from_the_edge_is_no_news_and_units_without_a_number_are_named(workspace):
    _, problems = chosen(workspace, '[units]\ntop = 2\nby = "size"\n')
    assert [(p.code, p.values["units"]) for p in problems] == [("settings.no-value-to-choose-by", ["5"])]


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ('[units]\nlist = ["1", "亚特兰蒂斯"]\n', "settings.unknown-unit"),
        ('[units]\nlist = ["Suzhou"]\n', "settings.unknown-unit"),
        ('[units]\nwhere = { colour = "red" }\n', "settings.unknown-attribute"),
        ('[units]\nwhere = { circle = "south" }\n', "settings.no-unit-left"),
        ('[units]\ntop = 2\nby = "height"\n', "settings.unknown-attribute"),
        ("[units]\ntop = 2\n", "settings.top-needs-by"),
        ('[units]\nby = "size"\n', "settings.top-needs-by"),
        ('[units]\ntop = 0\nby = "size"\n', "settings.bad-value"),
        ("[units]\nfirst = 3\n", "settings.unknown-key"),
        ('colour = "red"\n', "settings.unknown-key"),
        ('illustrative = "perhaps"\n', "settings.bad-value"),
        ('period = "1999"\n', "settings.unknown-period"),
        ('published_grades = "stars"\n', "settings.unknown-attribute"),
        ('method = "other.toml"\n', "file.not-found"),
        ("period = \n", "file.not-toml"),
    ],
)
def test_settings_that_cannot_hold_are_refused(workspace, settings, code):
    assert refused(workspace, assessment__toml=BASE + settings, units__csv=MANY) == [code]


def test_a_framework_that_is_nowhere_is_refused_with_the_builtin_names(workspace):
    with pytest.raises(InputError) as error:
        cg.open(workspace(assessment__toml='framework = "smart"\n'))
    problem = next(p for p in error.value.problems if p.code == "framework.not-found")
    assert "smart-2021" in problem.values["known"]


def test_a_folder_without_settings_is_no_workspace(tmp_path):
    with pytest.raises(InputError) as error:
        cg.open(tmp_path)
    assert [problem.code for problem in error.value.problems] == ["settings.no-workspace"]


def test_problems_of_every_file_are_told_in_one_reading(workspace):
    with pytest.raises(InputError) as error:
        cg.open(
            workspace(
                units__csv="unit\n1\n1\n",
                observations__csv="unit,indicator,value\n1,a,much\n",
                method__toml='[normalise]\nhow = "magic"\n',
                framework__csv="code,parent\nI,\na,J\n",
            )
        )
    codes = {problem.code for problem in error.value.problems}
    assert {
        "units.duplicate-code",
        "facts.not-a-number",
        "framework.unknown-parent",
        "method.bad-value",
    } <= codes


TWO_YEARS = "unit,indicator,period,value\n" + "".join(
    f"{unit},{code},{year},{value}\n"
    for year, value in (("2022", 4), ("2023", 8))
    for unit in "123"
    for code in "abc"
)


def test_the_only_period_is_taken_and_of_several_one_must_be_chosen(workspace):
    assert refused(workspace, observations__csv=TWO_YEARS) == ["settings.several-periods"]
    for period, value in (('"2022"', 4.0), ("2023", 8.0)):
        opened = cg.open(
            workspace(assessment__toml=f"{BASE}period = {period}\n", observations__csv=TWO_YEARS)
        )
        assert set(cg.assess(opened).derived.values.ravel()) == {value}


def test_check_notes_what_assess_would_refuse_and_raises_nothing(workspace):
    opened = cg.open(workspace(observations__csv=TWO_YEARS))
    assert "settings.several-periods" in [problem.code for problem in opened.check()]


@pytest.mark.parametrize("library", [pl, pd], ids=["polars", "pandas"])
@pytest.mark.parametrize("as_text", [True, False], ids=["text codes", "integer codes"])
def test_frames_in_memory_score_as_the_same_files_do(workspace, library, as_text):
    folder = workspace()
    opened = cg.open(folder)
    tables = []
    for name in ("units.csv", "observations.csv"):
        text = (folder / name).read_text(encoding="utf-8")
        if library is pl:
            frame = pl.read_csv(io.StringIO(text))
            tables.append(frame.with_columns(pl.col("unit").cast(pl.String)) if as_text else frame)
        else:
            tables.append(pd.read_csv(io.StringIO(text), dtype={"unit": str} if as_text else None))
            texts = [name for name, kind in tables[-1].dtypes.items() if kind.kind not in "if"]
            tables[-1] = tables[-1].astype(dict.fromkeys(texts, object))
    made = cg.from_frames(read_framework(folder / "framework.csv"), *tables, opened.method)
    assert cg.assess(made).scores.equals(cg.assess(opened).scores)


def test_frames_may_name_a_builtin_framework_and_then_use_its_method(workspace):
    units = pl.DataFrame({"unit": [1]})
    facts = pl.DataFrame({"unit": [1], "indicator": [cg.builtin("hdi").leaves[0]], "value": [52.5]})
    made = cg.from_frames("hdi", units, facts)
    assert made.framework.codes == cg.builtin("hdi").codes
    rules = made.method.aggregate.rules(made.framework)
    assert rules[made.framework.root.code].how == "geometric"  # the HDI of UNDP since 2010


def test_frames_are_never_changed(workspace):
    folder = workspace()
    units, facts = (pl.read_csv(folder / name) for name in ("units.csv", "observations.csv"))
    before = units.clone(), facts.clone()
    cg.assess(cg.from_frames(folder / "framework.csv", units, facts, cg.open(folder).method))
    assert units.equals(before[0])
    assert facts.equals(before[1])


def test_all_problems_of_frames_are_raised_together(workspace):
    framework = workspace() / "framework.csv"
    units = pl.DataFrame({"unit": [1, 2]})
    facts = pl.DataFrame({"unit": [1, 9], "indicator": ["a", "zz"], "value": ["x", "2"]})
    with pytest.raises(InputError) as error:
        cg.from_frames(framework, units, facts)
    codes = {problem.code for problem in error.value.problems if problem.severity == "error"}
    assert codes == {"facts.not-a-number", "facts.unknown-unit", "facts.unknown-indicator"}


def test_settings_of_frames_choose_units_and_period(workspace):
    folder = workspace()
    units = pl.read_csv(folder / "units.csv")
    facts = pl.read_csv(io.StringIO(TWO_YEARS))
    settings = {"period": "2022", "units": {"where": {"circle": "west"}}}
    made = cg.from_frames(folder / "framework.csv", units, facts, cg.open(folder).method, settings)
    result = cg.assess(made)
    assert result.units.codes == ("3",)
    assert set(result.derived.values.ravel()) == {4.0}


def test_an_edit_of_the_builtin_framework_in_the_workspace_wins_over_the_builtin_one(workspace):
    folder = workspace(assessment__toml='framework = "hdi"\n', method__toml=None)
    (folder / "hdi").mkdir()
    (folder / "hdi" / "framework.csv").write_text(
        (folder / "framework.csv").read_text(encoding="utf-8"), "utf-8"
    )
    (folder / "method.toml").unlink(missing_ok=True)
    assert cg.open(folder).framework.codes == ("I", "P", "a", "b", "Q", "c")
