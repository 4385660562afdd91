"""What is wrong with plain data is said in both languages, at its place."""

from __future__ import annotations

import re
import tomllib
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from citygauge.faults import Fault, RuleError, faults_of, key_of, note_invalid, note_not_toml
from citygauge.problems import Problem, Problems


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    rows: int | Literal["auto"] = "auto"


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = ""
    share: float = Field(0.0, ge=0, lt=1, allow_inf_nan=False)
    many: int = Field(1, gt=0)
    flag: bool = False
    kind: Literal["one", "two"] = "one"
    listed: tuple[str, ...] = ()
    tables: tuple[Inner, ...] = ()

    @model_validator(mode="after")
    def _holds(self) -> Model:
        if self.name == "bad":
            raise RuleError("the name must not be bad", "名称不能是 bad")
        if self.name == "plain":
            raise ValueError("the name must not be plain")
        return self


def fault(text: str) -> Fault:
    with pytest.raises(ValidationError) as caught:
        Model(**tomllib.loads(text))
    (found,) = faults_of(caught.value, Model)
    return found


@pytest.mark.parametrize(
    ("text", "key", "en", "zh"),
    [
        ("nam = 1", "nam", "there is no such key; known: name", "没有这个键；已有：name"),
        ("name = 3", "name", "it must be text in quotes", "应为加引号的文本"),
        ('many = "x"', "many", "it must be a whole number", "应为整数"),
        ("many = 1.5", "many", "it must be a whole number", "应为整数"),
        ("many = 0", "many", "it must be greater than 0", "应大于 0"),
        ("share = -1", "share", "it must be at least 0.0", "应不小于 0.0"),
        ("share = 1", "share", "it must be less than 1.0", "应小于 1.0"),
        ("share = nan", "share", "it must be a finite number", "应为有限的数字"),
        ('share = "x"', "share", "it must be a number", "应为数字"),
        (
            'flag = "perhaps"',
            "flag",
            "it must be true or false, without quotes",
            "应为 true 或 false，不加引号",
        ),
        ('kind = "three"', "kind", "it must be one of: 'one' or 'two'", "应为下列之一：'one'、'two'"),
        ("listed = 3", "listed", "it must be a list in square brackets", "应为方括号中的列表"),
        ("tables = [3]", "tables[1]", "it must be a table of keys and values", "应为由键和值组成的表"),
        ('[[tables]]\nrows = "x"', "tables[1].rows", "it must be a whole number", "应为整数"),
        ('name = "bad"', "", "the name must not be bad", "名称不能是 bad"),
        ('name = "plain"', "", "the name must not be plain", "不符合规定（the name must not be plain）"),
    ],
)
def test_each_kind_of_fault_has_its_place_and_a_sentence_in_each_language(text, key, en, zh):
    assert (fault(text).key, fault(text).en, fault(text).zh) == (key, en, zh)


def test_places_are_written_as_in_toml():
    assert key_of(("units", "list", 0)) == "units.list[1]"
    assert key_of(("a", "function-after[f(), str]", "b")) == "a.b"
    assert key_of(()) == ""


@pytest.mark.parametrize(
    ("text", "zh", "row"),
    [
        ("a 1", "键之后缺少等号（第 1 行第 3 列）", 1),
        ("a = 1\nb = ", "取值的写法无效（文件末尾）", None),
        ("a = 1\na = 2", "同一个键出现了两次（文件末尾）", None),
        ("a = 1\nb = nothing", "取值的写法无效（第 2 行第 5 列）", 2),
        ('a = "x', "引号未闭合（文件末尾）", None),
        ("[a", "缺少右方括号（文件末尾）", None),
        ("[a]\n[a]\n", "同一个表出现了两次（第 2 行第 3 列）", 2),
        ("a = [1, 2", "方括号未闭合（文件末尾）", None),
    ],
)
def test_faulty_toml_is_explained_in_chinese_too(text, zh, row):
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    problems = Problems()
    note_not_toml(caught.value, "x.toml", problems)
    (problem,) = problems
    assert (problem.code, problem.where.file, problem.where.row) == ("file.not-toml", "x.toml", row)
    assert problem.values["reason_zh"] == zh
    assert zh in problem.message("zh")
    assert str(caught.value) in problem.message("en")
    assert str(caught.value) not in problem.message("zh")


def test_a_file_that_is_no_text_is_named_by_its_first_bad_byte():
    problems = Problems()
    with pytest.raises(UnicodeDecodeError) as caught:
        b"a = 1\xff".decode()
    note_not_toml(caught.value, "x.toml", problems)
    (problem,) = problems
    assert "byte 6" in problem.message("en")
    assert "第 6 个字节" in problem.message("zh")


def test_a_wrong_setting_is_told_in_both_languages_and_in_json():
    problems = Problems()
    with pytest.raises(ValidationError) as caught:
        Model(share=2, nam=1)
    note_invalid(caught.value, "settings", Model, "assessment.toml", problems)
    by_code: dict[str, Problem] = {problem.code: problem for problem in problems}
    assert by_code["settings.unknown-key"].values["near"] == ["name"]
    told = by_code["settings.bad-value"].as_dict()
    assert "it must be less than 1" in told["message"]
    assert "应小于 1" in told["message_zh"]
    assert not re.search("it must", told["message_zh"])


def test_a_rule_of_the_whole_file_stands_at_no_column():
    problems = Problems()
    with pytest.raises(ValidationError) as caught:
        Model(name="bad")
    note_invalid(caught.value, "settings", Model, "assessment.toml", problems)
    (problem,) = problems
    assert problem.where.column is None
    assert "名称不能是 bad" in problem.message("zh")
