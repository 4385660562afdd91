"""The catalogue of problems: complete, in step with the source, and well spoken in both languages."""

from __future__ import annotations

import json
import re
from pathlib import Path
from string import Formatter

import pytest

import citygauge
from citygauge.problems import SHOWN_ITEMS, InputError, Problem, Problems, Where, catalogue

SOURCE = Path(citygauge.__file__).parent
ROOMS = {code.partition(".")[0] for code in catalogue()}
ERROR = "framework.several-roots"
WARNING = "facts.silent-indicators"

# Codes that the source puts together from parts: the text in the source → the codes it stands for.
COMPOSED = {
    'f"facts.unknown-{column}"': {"facts.unknown-state", "facts.unknown-origin", "facts.unknown-channel"},
    'f"{room}.unknown-key"': {
        "method.unknown-key",
        "published.unknown-key",
        "robust.unknown-key",
        "settings.unknown-key",
        "theme.unknown-key",
    },
    'f"{room}.bad-value"': {
        "method.bad-value",
        "published.bad-value",
        "robust.bad-value",
        "settings.bad-value",
        "theme.bad-value",
    },
    'f"method.{name}"': {
        "method.no-goalposts",
        "method.no-rubric",
        "method.log-of-posts",
        "method.points-range",
        "method.relative-role",
        "method.no-points-rule",
        "method.treated-scheme",
    },
}


def source_text() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(SOURCE.rglob("*.py")))


def used_codes() -> set[str]:
    """Return every code that the source names: strings ``room.name``, and those put together from parts."""
    text = source_text()
    rooms = "|".join(sorted(ROOMS))
    # "file.csv" and the like are names of files, "units.top" and the like keys of settings.
    call = re.compile(rf'(?:\.add\(|\._fault\(|Problem\()\s*"({rooms})\.([a-z0-9-]+)"')
    listed = re.compile(rf'"(?:ambiguous|elsewhere|unknown)": "({rooms})\.([a-z0-9-]+)"')
    found = {".".join(match.groups()) for match in [*call.finditer(text), *listed.finditer(text)]}
    return found.union(*COMPOSED.values())


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def test_every_code_of_the_source_is_in_the_catalogue():
    assert used_codes() - set(catalogue()) == set()


def test_every_code_of_the_catalogue_is_used_in_the_source():
    assert set(catalogue()) - used_codes() == set()


def test_no_call_notes_a_problem_by_a_code_that_the_check_above_does_not_see():
    text = source_text()
    calls = re.findall(r'(?:problems\.add\(|\bProblem\()\s*(f?"[^"]*"|[a-z_]+\[[^\]]*\])', text)
    composed = {given for given in calls if not given.startswith('"')}
    assert composed == {*COMPOSED, "codes[match.verdict]"}
    plain = {given.strip('"') for given in calls if given.startswith('"')}
    assert plain <= set(catalogue())


@pytest.mark.parametrize("code", sorted(catalogue()))
def test_an_entry_has_a_severity_and_four_sentences(code):
    entry = catalogue()[code]
    assert set(entry) == {"severity", "en", "zh", "hint_en", "hint_zh"}
    assert entry["severity"] in {"error", "warning"}
    for name in ("en", "hint_en"):
        assert entry[name].strip().endswith(".")
        assert "。" not in entry[name]
    for name in ("zh", "hint_zh"):
        assert entry[name].strip().endswith("。")
        assert re.search("[\u4e00-\u9fff]", entry[name])


@pytest.mark.parametrize("code", sorted(catalogue()))
def test_both_languages_name_the_same_things(code):
    entry = catalogue()[code]
    english, chinese = (placeholders(entry[name] + entry[f"hint_{name}"]) for name in ("en", "zh"))
    assert english == chinese


@pytest.mark.parametrize("code", sorted(catalogue()))
def test_an_entry_is_filled_in_with_what_it_names(code):
    entry = catalogue()[code]
    names = placeholders("".join(entry[name] for name in ("en", "zh", "hint_en", "hint_zh")))
    problem = Problem(code, Where("x.csv", row=2), {name: f"<{name}>" for name in names})
    for language in ("en", "zh"):
        text = problem.text(language)
        assert text.startswith("x.csv")
        assert all(f"<{name}>" in text for name in names)


def test_a_short_list_is_named_in_full():
    problem = Problem(ERROR, values={"codes": ["A", "B"]})
    assert "A, B." in problem.message("en")
    assert "A、B。" in problem.message("zh")


def test_a_list_of_ten_is_named_in_full():
    codes = [f"C{i}" for i in range(SHOWN_ITEMS)]
    problem = Problem(ERROR, values={"codes": codes})
    assert SHOWN_ITEMS == 10
    assert ", ".join(codes) + "." in problem.message("en")
    assert "、".join(codes) + "。" in problem.message("zh")


def test_a_long_list_is_cut_at_ten_and_counted():
    codes = [f"C{i}" for i in range(13)]
    problem = Problem(ERROR, values={"codes": codes})
    english, chinese = problem.message("en"), problem.message("zh")
    assert ", ".join(codes[:10]) + " and 3 more" in english
    assert "、".join(codes[:10]) + " 等 13 项" in chinese
    assert "C10" not in english + chinese
    assert problem.as_dict()["values"]["codes"] == codes


def test_an_empty_list_is_said_to_be_empty():
    problem = Problem(ERROR, values={"codes": []})
    assert "none" in problem.message("en")
    assert "无" in problem.message("zh")


def test_a_number_is_written_short():
    problem = Problem("framework.negative-weight", values={"code": "a", "value": -0.25})
    assert "-0.25" in problem.message("en")
    assert "-0.25" in problem.message("zh")


def test_braces_in_a_value_are_left_as_they_are():
    problem = Problem("framework.bad-direction", values={"code": "a", "value": "{up}"})
    assert "{up}" in problem.message("en")


def test_a_place_is_said_in_both_languages():
    place = Where("f.xlsx", "data", 7, "weight")
    assert place.text("en") == "f.xlsx, sheet data, row 7, column weight"
    assert place.text("zh") == "f.xlsx，工作表 data，行 7，列 weight"
    assert place.text() == place.text("en")


@pytest.mark.parametrize(
    ("place", "english", "chinese"),
    [
        (Where(), "", ""),
        (Where("f.csv"), "f.csv", "f.csv"),
        (Where("f.csv", row=3), "f.csv, row 3", "f.csv，行 3"),
        (Where(column="period"), "column period", "列 period"),
    ],
)
def test_a_place_says_only_what_is_known(place, english, chinese):
    assert (place.text("en"), place.text("zh")) == (english, chinese)


def test_a_problem_is_one_line_of_place_message_and_hint():
    problem = Problem("framework.no-code", Where("f.csv", row=3))
    for language, lead, gap in (("en", "f.csv, row 3: ", " "), ("zh", "f.csv，行 3：", "")):
        expected = f"{lead}{problem.message(language)}{gap}{problem.hint(language)}"
        assert problem.text(language) == expected
    assert Problem("framework.no-code").text("zh").startswith(catalogue()["framework.no-code"]["zh"])


def test_a_problem_becomes_json_and_back():
    values = {"codes": ("a", "b"), "low": 0.5, "file": Path("x.csv"), "seen": {"only"}, "none": None}
    data = Problem(ERROR, Where("f.csv", row=3, column="parent"), values).as_dict()
    assert json.loads(json.dumps(data, ensure_ascii=False)) == data
    assert data["where"] == {"file": "f.csv", "row": 3, "column": "parent"}
    assert data["values"] == {
        "codes": ["a", "b"],
        "low": 0.5,
        "file": "x.csv",
        "seen": ["only"],
        "none": None,
    }
    assert set(data) == {
        "code",
        "severity",
        "where",
        "values",
        "message",
        "hint",
        "message_zh",
        "hint_zh",
    }
    assert (data["code"], data["severity"]) == (ERROR, "error")


def test_errors_are_raised_once_with_the_warnings():
    problems = Problems()
    problems.add(WARNING, codes=["a"], count=1, total=3)
    problems.add(ERROR, Where("f.csv"), codes=["A", "B"])
    problems.add("framework.no-root", Where("f.csv"))
    with pytest.raises(InputError) as caught:
        problems.raise_errors()
    assert [problem.code for problem in caught.value.problems] == [WARNING, ERROR, "framework.no-root"]
    assert str(caught.value).splitlines() == [problem.text() for problem in problems.errors]


def test_warnings_alone_raise_nothing():
    problems = Problems()
    problems.raise_errors()
    problems.add(WARNING, codes=["a"], count=1, total=3)
    problems.raise_errors()
    assert [problem.code for problem in problems.warnings] == [WARNING]
    assert problems.errors == ()


def test_problems_are_taken_over_in_order_and_copied():
    first = Problems([Problem(ERROR, values={"codes": ["A"]})])
    second = Problems(first)
    second.extend([Problem("framework.no-root")])
    assert (len(first), len(second)) == (1, 2)
    assert [problem.code for problem in second] == [ERROR, "framework.no-root"]


def test_a_code_that_is_not_in_the_catalogue_is_a_mistake_of_the_program():
    with pytest.raises(KeyError):
        Problem("framework.no-such-code").message()
