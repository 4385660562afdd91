"""The words of printed tables: names in the form in which they are compared, years, marks of footnotes."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from citygauge.problems import Language

_MARKS = "①-⑳⑴-⒇⒈-⒛❶-❿⁰-⁹¹²³†‡※"
_YEAR = r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])"
_NOTE_MARK = re.compile(rf"(?:[{_MARKS}]+|\*+|\[[0-9a-z]{{1,2}}\]|[（(][0-9]{{1,2}}[)）])+$")
_NOTE_NUMBER = re.compile(r"^([^()（）]*[^()（）0-9])[0-9]{1,2}[)）]$")  # 人口1), but no （m3）
_NOTE_BEGINS = re.compile(rf"(?:[{_MARKS}*]|[\[(（][0-9a-z]{{1,2}}[\])）])\s*[^\s0-9.,]", re.IGNORECASE)
_NOTE_NUMBERED = re.compile(r"(?:[0-9]{1,2}|[a-z])(?:[)）]|\.(?![0-9]))\s*[^\s0-9.,]", re.IGNORECASE)
_DATE = re.compile(rf"({_YEAR})[-/.年]\s*([0-9]{{1,2}})[-/.月]\s*([0-9]{{1,2}})日?(?:[ T]00:00(?::00)?)?")
_PERIOD = re.compile(rf"{_YEAR}-?(?:Q[1-4]|[HS][12]|M?(?:0[1-9]|1[0-2]))", re.IGNORECASE)
_LEADING = re.compile(r"^(?:[#＃]\s*|(?:其中|其 中|of which)\s*[:：]\s*|[①-⑳]\s*)", re.IGNORECASE)
_YEARS = re.compile(_YEAR)
_DATED = re.compile(rf"({_YEAR})\s*(?:年度|年(?!末|底|均|平均|度)|(?=年))?")
_YEAR_ALONE = re.compile(rf"(?:fy|y)?({_YEAR})(?:年度|年末|年底|年|a)?", re.IGNORECASE)
_YEARBOOK = re.compile(
    rf"年鉴[-—–\s(（]*{_YEAR}|{_YEAR}年?[^，,；;0-9]{{0,8}}年鉴|yearbook\s*{_YEAR}", re.IGNORECASE
)
_UNIT_STATED = re.compile(r"(?:计量)?单\s*位\s*[:：].*$|\bunits?\s*[:：].*$", re.IGNORECASE | re.MULTILINE)
_YEAR_SPAN = re.compile(rf"(?:{_YEAR}年?(?:[-—–~至到]{_YEAR}年?)?)")
_NUMBERED = re.compile(
    r"^(?:附?表|table)?\s*[0-9一二三四五六七八九十]+(?:\s*[-－—–.．]\s*[0-9]+)*(?=[\s、.．:：\u3400-\u9fff])[\s、.．:：]*",
    re.IGNORECASE,
)
_CJK = re.compile(r"[\u3400-\u9fff]")
_OTHER_TONGUE = re.compile(r"[A-Za-z]{2}|^[0-9]{6}$")
_BRACKETED = re.compile(r"[（(【\[]([^()（）【】\[\]]*)[)）】\]]")
_PROVINCE = re.compile(r"(?:省|(?:壮族|回族|维吾尔)?自治区|特别行政区)$")


@dataclass(frozen=True, slots=True)
class Words:
    """The vocabulary of ``words.toml``: sets of keys, marks and reasons."""

    sets: Mapping[str, frozenset[str]]
    marks: Mapping[str, str]
    notes_of: Mapping[str, str]
    reasons: Mapping[str, Mapping[str, str]]
    patterns: tuple[re.Pattern[str], ...]

    def has(self, name: str, text: str) -> bool:
        """Tell whether a text is one of the words of a set."""
        return key_of(text) in self.sets[name]


@cache
def words() -> Words:
    """Return the vocabulary."""
    told = data_of("words.toml")
    sets = {name: frozenset(map(key_of, found)) for name, found in told.items() if isinstance(found, list)}
    marks = {key_of(mark): state for mark, state in told["marks"].items()}
    notes = {key_of(mark): note for mark, note in told["notes_of"].items()}
    patterns = tuple(map(re.compile, told["patterns"]))
    return Words(sets, marks, notes, told["reasons"], patterns)


def data_of(name: str) -> dict[str, Any]:
    """Return a data file of this room."""
    place = resources.files("citygauge").joinpath("collect", "yearbook", name)
    return tomllib.loads(place.read_text(encoding="utf-8"))


def reason(name: str, language: Language) -> str:
    """Say why something was left out.

    >>> reason("totals", "en")
    'total, subtotal or mean'
    """
    return words().reasons[name][language]


@cache
def key_of(text: str) -> str:
    """Return a text in the form in which texts are compared: width, case and spaces do not matter.

    >>> key_of(" 北 京"), key_of("ＧＤＰ")
    ('北京', 'gdp')
    """
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def without_marks(text: str) -> str:
    """Return a label without marks of footnotes behind it and “of which” before it.

    >>> without_marks("重庆①"), without_marks("#深圳市(1)")
    ('重庆', '深圳市')
    """
    told = _NOTE_NUMBER.sub(r"\1", _NOTE_MARK.sub("", _LEADING.sub("", text.strip())))
    return told.strip() or text.strip()


def years_in(text: str) -> tuple[str, ...]:
    """Return the different years that a text names, that of a yearbook's edition not among them.

    >>> years_in("中国城市统计年鉴2024：2023年"), years_in("2019—2023")
    (('2023',), ('2019', '2023'))
    """
    return tuple(dict.fromkeys(_YEARS.findall(_YEARBOOK.sub("", text))))


def year_alone(text: str) -> str:
    """Return the year where a text is nothing else; blank otherwise.

    >>> year_alone("2023 年"), year_alone("2023年人口")
    ('2023', '')
    """
    match = _YEAR_ALONE.fullmatch("".join(text.split()))
    return match[1] if match else ""


def parted_from_year(text: str) -> tuple[str, str]:
    """Return a text without the one year in it, and the year; a text with several is left as it is."""
    if len(years_in(text)) != 1:
        return text, ""
    rest, _ = _DATED.subn("", text, count=1)
    year = years_in(text)[0]
    rest = rest.strip(" ,，:：、-—–")
    return ("" if rest in {"末", "底", "年末", "年底", "年", "年度"} else rest), year


def period_in(text: str, *, by_date: bool = False) -> str:
    """Return the period that a text is: a year, one such as 2023Q1, the year of its last day if `by_date`.

    >>> period_in("2023年"), period_in("2023Q1"), period_in("2023年上半年")
    ('2023', '2023Q1', '')
    """
    told = "".join(text.split())
    if year := year_alone(told) or (year_of_date(text) if by_date else ""):
        return year
    return told.upper() if _PERIOD.fullmatch(told) else ""


def is_date(text: str) -> bool:
    """Tell whether a text is a day."""
    return _DATE.fullmatch(text.strip()) is not None


def year_of_date(text: str) -> str:
    """Return the year whose last day a text is; blank for all else."""
    match = _DATE.fullmatch(text.strip())
    return match[1] if match and (int(match[2]), int(match[3])) == (12, 31) else ""


def without_years(text: str) -> str:
    """Return the key of a text without any year."""
    return key_of(_DATED.sub("", text))


def title_words(text: str) -> str:
    """Return the key of what a title is about: without number, years, brackets and the words around it.

    >>> title_words("表2-6 各市地区生产总值（2019—2023年）")
    '地区生产总值'
    """
    text = _UNIT_STATED.sub("", text)
    for inside in bracketed(text):
        text = without_brackets(text, inside)
    key = _YEAR_SPAN.sub("", key_of(_NUMBERED.sub("", without_marks(text).strip())))
    before = None
    while key != before:
        before = key
        key = key.strip("-—–:：,，.、_ ")
        for word in sorted(words().sets["titles"], key=len, reverse=True):
            key = key.removeprefix(word).removesuffix(word)
    return key


def without_year_spans(text: str) -> str:
    """Return a title without its years."""
    return _YEAR_SPAN.sub(" ", text)


def title_core(text: str) -> str:
    """Return the key of a title without its number, unit and years: what is the same the year after.

    >>> title_core("2-6 主要城市基本情况（2023年）"), title_core("2-6 续表")
    ('主要城市基本情况', '')
    """
    told = _NUMBERED.sub("", _YEAR_SPAN.sub(" ", without_marks(_UNIT_STATED.sub("", text))).strip())
    told = re.sub(r"[（(【\[]\W*[)）】\]]", "", told)
    key = key_of(told).strip("-—–:：,，.、_ ")
    return "" if is_continued(text) and key_of(key).startswith(tuple(words().sets["continued"])) else key


def is_continued(text: str) -> bool:
    """Tell whether a line says that a table goes on: 续表, 3-5 续表, 主要指标（续一）."""
    told = _NUMBERED.sub("", text.strip())
    return any(starts_with("continued", part) for part in (told, *bracketed(text)))


def is_note(text: str, *, below: bool = True) -> bool:
    """Tell whether a text is a footnote: by its first word, by its mark, `below` the figures by its number.

    >>> is_note("①快报数"), is_note("1995"), is_note("100亿元"), is_note("1-3 主要指标"), is_note("注：略")
    (True, False, False, False, True)
    """
    told = text.strip()
    by_mark = _NOTE_BEGINS.match(told) or (below and _NOTE_NUMBERED.match(told))
    return starts_with("notes", told) or bool(by_mark)


def is_stamp(text: str) -> bool:
    """Tell whether a line only dates the print or the file."""
    return starts_with("stamps", text)


def bracketed(text: str) -> list[str]:
    """Return what stands in the brackets of a text."""
    return _BRACKETED.findall(text)


def without_brackets(text: str, inside: str) -> str:
    """Return a text without one of its brackets."""
    return re.sub(rf"[（(【\[]{re.escape(inside)}[)）】\]]", " ", text, count=1).strip()


def is_chinese(text: str) -> bool:
    """Tell whether there is a Chinese character in a text."""
    return _CJK.search(text) is not None


def chinese_part(text: str) -> str:
    """Return what a text of two languages says in Chinese; blank where it is of one.

    >>> chinese_part("地区生产总值 Gross Regional Product")
    '地区生产总值'
    """
    tokens = text.split()
    chinese = [token for token in tokens if is_chinese(token)]
    others = [token for token in tokens if not is_chinese(token)]
    return "".join(chinese) if any(map(_OTHER_TONGUE.search, others)) else ""


def narrowings(text: str) -> frozenset[str]:
    """Return the words of a text that make a name beside it mean something else.

    >>> sorted(narrowings("各市地区生产总值增长速度")), narrowings("地区生产总值")
    (['增长'], frozenset())
    """
    key = key_of(text)
    plain = unicodedata.normalize("NFKC", text).casefold()
    found = {word for kind in ("narrowing", "scopes") for word in words().sets[kind] if word in key}
    for pattern in words().patterns:
        found |= {match[0].strip() for form in (plain, key) for match in pattern.finditer(form)}
    return frozenset(found)


def is_total(label: str) -> bool:
    """Tell whether a row's label is that of a sum, a subtotal or a mean."""
    key, sets = key_of(without_marks(label)), words().sets
    for part in (key, key_of(chinese_part(label))):
        if part and (part in sets["totals"] or part in sets["subtotals"] or is_province(part)):
            return True
    return any(key.endswith(end) for end in sets["subtotal_ends"])


def is_grand_total(label: str) -> bool:
    """Tell whether a row's label is that of the sum of all rows."""
    told = without_marks(label)
    return any(key_of(part) in words().sets["totals"] for part in (told, chinese_part(told)) if part)


def is_province(label: str) -> bool:
    """Tell whether a label is the name of a province, in Chinese, English or both."""
    halves = (label, chinese_part(label))
    keys = [_PROVINCE.sub("", key_of(without_marks(half))) for half in halves if half]
    return any(key.removesuffix("province") in words().sets["provinces"] for key in keys)


def starts_with(name: str, text: str) -> bool:
    """Tell whether a text begins with one of the words of a set."""
    key = key_of(text)
    return any(key.startswith(word) for word in words().sets[name])
