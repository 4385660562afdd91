"""What pydantic and the TOML reader find wrong with plain data, as problems told in both languages."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError

from citygauge.problems import Language, Problem, Problems, Where

# Type of the fault in pydantic → what is wrong; the names in braces are of its context.
_SENTENCES: Mapping[str, tuple[str, str]] = {
    "extra_forbidden": ("there is no such key", "没有这个键"),
    "missing": ("it is missing", "缺少该键"),
    "string_type": ("it must be text in quotes", "应为加引号的文本"),
    "int_type": ("it must be a whole number", "应为整数"),
    "int_from_float": ("it must be a whole number", "应为整数"),
    "int_parsing": ("it must be a whole number", "应为整数"),
    "float_type": ("it must be a number", "应为数字"),
    "float_parsing": ("it must be a number", "应为数字"),
    "finite_number": ("it must be a finite number", "应为有限的数字"),
    "bool_type": ("it must be true or false, without quotes", "应为 true 或 false，不加引号"),
    "bool_parsing": ("it must be true or false, without quotes", "应为 true 或 false，不加引号"),
    "list_type": ("it must be a list in square brackets", "应为方括号中的列表"),
    "tuple_type": ("it must be a list in square brackets", "应为方括号中的列表"),
    "dict_type": ("it must be a table of keys and values", "应为由键和值组成的表"),
    "mapping_type": ("it must be a table of keys and values", "应为由键和值组成的表"),
    "model_type": ("it must be a table of keys and values", "应为由键和值组成的表"),
    "literal_error": ("it must be one of: {expected}", "应为下列之一：{expected}"),
    "greater_than": ("it must be greater than {gt}", "应大于 {gt}"),
    "greater_than_equal": ("it must be at least {ge}", "应不小于 {ge}"),
    "less_than": ("it must be less than {lt}", "应小于 {lt}"),
    "less_than_equal": ("it must be at most {le}", "应不大于 {le}"),
    "string_too_short": ("it must not be blank", "不能为空"),
    "too_short": ("it must have at least {min_length} entries", "至少应有 {min_length} 项"),
    "too_long": ("it must have at most {max_length} entries", "至多应有 {max_length} 项"),
    "string_pattern_mismatch": ("it is not of the form {pattern}", "不符合格式 {pattern}"),
}
_TOML: tuple[tuple[str, str], ...] = (
    ("Expected '=' after a key", "键之后缺少等号"),
    ("Expected newline or end of document", "一行中有多余的内容"),
    ("Expected ']'", "缺少右方括号"),
    ("Invalid statement", "该行不是有效的语句"),
    ("Invalid value", "取值的写法无效"),
    ("Invalid initial character for a key", "键的写法无效"),
    ("Cannot overwrite a value", "同一个键出现了两次"),
    ("Cannot declare", "同一个表出现了两次"),
    ("Cannot mutate immutable namespace", "该表已在别处定义，不能再添加"),
    ("Unterminated string", "引号未闭合"),
    ("Unclosed array", "方括号未闭合"),
    ("Unclosed inline table", "花括号未闭合"),
    ("Illegal character", "含有不允许的字符"),
    ("Unescaped", "反斜杠的写法无效"),
    ("Invalid hex value", "反斜杠的写法无效"),
)
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_BRANCH = re.compile(r"[a-z]+\[.*\]|function-.*|(?:str|int|float|bool|constrained-\w+)")


class RuleError(ValueError):
    """A rule of a model that does not hold, said in both languages."""

    def __init__(self, en: str, zh: str) -> None:
        self.zh = zh
        super().__init__(en)


class Fault(NamedTuple):
    """One fault: the key it stands at, blank for the file as a whole; what was given; why it will not do."""

    key: str
    given: str
    en: str
    zh: str


class _Reasoned(Problem):
    """A problem that tells its reason in both languages: `values` hold ``reason`` and ``reason_zh``."""

    __slots__ = ()

    def _fill(self, prefix: str, language: Language) -> str:
        values = dict(self.values)
        if language == "zh":
            values["reason"] = values["reason_zh"]
        return Problem(self.code, self.where, values)._fill(prefix, language)


def reasoned(problem: Problem, en: str, zh: str) -> Problem:
    """Return a problem with its ``{reason}`` told in both languages."""
    return _Reasoned(problem.code, problem.where, {**problem.values, "reason": en, "reason_zh": zh})


def faults_of(error: ValidationError, model: type[BaseModel] | None = None) -> Iterator[Fault]:
    """Yield what pydantic found, of the branches of a choice only the first; a wrong key with near ones.

    Parameters
    ----------
    model : type, optional
        What was read, to name the keys that are known in the place of an unknown one.
    """
    seen: set[str] = set()
    for fault in error.errors():
        key = key_of(fault["loc"])
        if key in seen:
            continue
        seen.add(key)
        en, zh = _told(fault)
        if fault["type"] == "extra_forbidden" and model is not None:
            near = near_keys(model, fault["loc"])
            en, zh = f"{en}; known: {', '.join(near)}", f"{zh}；已有：{'、'.join(near)}"
        given = "" if fault["type"] == "missing" else str(fault["input"])[:60]  # else all that stands around
        yield Fault(key, given, en, zh)


def key_of(location: tuple[int | str, ...]) -> str:
    """Return the place of a fault as in TOML: ``tables[1].header_rows``, without pydantic's own branches.

    >>> key_of(("tables", 0, "header_rows", "literal['auto']"))
    'tables[1].header_rows'
    """
    found = ""
    for part in location:
        if isinstance(part, int):
            found += f"[{part + 1}]"
        elif not (found and _BRANCH.fullmatch(part)):
            found += f".{part}" if found else part
    return found


def note_not_toml(error: tomllib.TOMLDecodeError | UnicodeDecodeError, file: str, problems: Problems) -> None:
    """Note that a file is no TOML, with the line."""
    if isinstance(error, UnicodeDecodeError):
        en, zh = f"byte {error.start + 1} is not UTF-8", f"第 {error.start + 1} 个字节起不是 UTF-8"
        problems.extend([reasoned(Problem("file.not-toml", Where(file)), en, zh)])
        return
    text = str(error)
    place = _PLACE.search(text)
    zh = next((said for start, said in _TOML if text.startswith(start)), "写法有误")
    where = Where(file)
    if place and place[1]:
        where = Where(file, row=int(place[1]))
        zh += f"（第 {place[1]} 行第 {place[2]} 列）"
    elif place:
        zh += "（文件末尾）"
    problems.extend([reasoned(Problem("file.not-toml", where), text, zh)])


def note_invalid(
    error: ValidationError, room: str, model: type[BaseModel], file: str, problems: Problems
) -> None:
    """Note each fault that pydantic found, with the key it stands at and near misses of a wrong key."""
    unknown = {
        key_of(fault["loc"]): fault["loc"] for fault in error.errors() if fault["type"] == "extra_forbidden"
    }
    for fault in faults_of(error):
        where = Where(file, column=fault.key or None)
        if fault.key in unknown:
            near = near_keys(model, unknown[fault.key])
            problems.add(f"{room}.unknown-key", where, key=fault.key, near=near)
        else:
            values = {"key": fault.key or file, "value": fault.given}
            problem = Problem(f"{room}.bad-value", where, values)
            problems.extend([reasoned(problem, fault.en, fault.zh)])


def _told(fault: Mapping[str, Any]) -> tuple[str, str]:
    """Return why a value will not do, in English and Chinese."""
    context = fault.get("ctx") or {}
    if (kind := fault["type"]) in _SENTENCES:
        en, zh = _SENTENCES[kind]
        expected = str(context.get("expected", ""))
        values = {name: value for name, value in context.items() if name != "expected"}
        return (
            en.format(**values, expected=expected),
            zh.format(**values, expected=expected.replace(" or ", "、").replace(", ", "、")),
        )
    broken = context.get("error")
    if isinstance(broken, RuleError):
        return str(broken), broken.zh
    message = str(fault["msg"]).removeprefix("Value error, ")
    return message, f"不符合规定（{message}）"


def near_keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the keys that are like an unknown one, else all that are known there."""
    known = _keys_at(model, location[:-1])
    return get_close_matches(str(location[-1]), known, 3) or known


def _keys_at(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    for part in path:
        field = model.model_fields.get(str(part))
        kinds = [field.annotation, *get_args(field.annotation)] if field else []
        model = next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), model)
    return list(model.model_fields)
