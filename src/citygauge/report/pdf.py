"""The report as PDF, set by Typst; the same content as the page, and one profile page a unit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from unicodedata import category, east_asian_width

from citygauge.report.content import Content
from citygauge.report.fonts import choose

if TYPE_CHECKING:
    import typst

_SHORT = 44  # width of the title in the header, in half-width characters
_TEXT, _BAR = 482.0, 90.0  # points: the text of a page, and the least that bars need
_SPLIT = 28  # rows of scores from which a profile shows them in two columns
_RUN = re.compile(r"[^\s\u2e80-\u9fff\uff00-\uffef]{17,}")
_BREAK = "\u200b"


@dataclass(frozen=True, slots=True)
class Pdf:
    """A report as PDF, or why there is none: `lacks` is ``typst`` or ``font``."""

    data: bytes = b""
    lacks: str = ""
    uncovered: str = ""


def system_fonts() -> typst.Fonts:
    """Return the fonts of this machine and those that come with Typst."""
    import typst  # noqa: PLC0415 - an extra

    return typst.Fonts()


def pdf_of(content: Content, profiles: dict[str, Any], fonts: typst.Fonts | None = None) -> Pdf:
    """Return the report of a content and its profiles as PDF.

    Parameters
    ----------
    content : Content
        As `report_content` makes it.
    profiles : dict
        As `profile.profiles` makes them, in the same language.
    fonts : typst.Fonts, optional
        In place of the machine's own.

    Returns
    -------
    Pdf
        The same input and fonts give the same bytes: no clock is read. Without the package typst, or
        without a font for Chinese where the text needs one, there is no data.
    """
    if find_spec("typst") is None:
        return Pdf(lacks="typst")
    import typst  # noqa: PLC0415 - an extra

    fonts = fonts or system_fonts()
    data = _typeset(content, profiles)
    choice = choose(_strings(data), content["language"], fonts)
    if choice.lacks_cjk:
        return Pdf(lacks="font")
    made, _ = typst.compile_with_warnings(
        _template(),
        font_paths=fonts,
        sys_inputs={"data": json.dumps({**data, "fonts": choice.families}, ensure_ascii=False)},
        format="pdf",
        timestamp=0,
    )
    _forget()
    return Pdf(bytes(made), uncovered=choice.uncovered)


def _forget() -> None:
    """Make Typst let go of a layout: it keeps one for its next ten documents, a gigabyte for 300 profiles."""
    import typst  # noqa: PLC0415 - an extra

    none = typst.Fonts(include_system_fonts=False)
    for number in range(11):
        typst.compile(f"// {number}".encode(), font_paths=none, format="pdf", timestamp=0)


@cache
def _template() -> bytes:
    return resources.files("citygauge").joinpath("report", "templates", "report.typ").read_bytes()


def _typeset(content: Content, profiles: dict[str, Any]) -> dict[str, Any]:
    """Return what the template reads: the content, the profiles, and the measures of the layout."""
    words, units = content["t"], profiles["units"]
    names = [row["name"] for row in content["ranking"]]
    facts = dict(content["summary"])
    cover = [
        (word, facts[word]) for key in ("objects", "indicators", "period") if (word := words[key]) in facts
    ]
    if content["framework_title"]:
        cover.append((words["framework_name"], content["framework_title"]))
    unused = {"run", "means", "grade_bars", "ranking_bars", "alt_means", "alt_second", "caption_second"}
    data: dict[str, Any] = _clean(
        {
            **{key: value for key, value in content.items() if key not in unused},
            "profiles": units,
            "profile_axis": profiles["axis"],
            "cover": cover,
            "version": content["run"]["citygauge"],
            "short_heading": _shortened(content["heading"]),
        }
    )
    data["hashes"] = content["run"]["hashes"]
    data["keywords"] = [f"{name} {digest}" for name, digest in data["hashes"].items()]
    pillars = content["pillars"]
    cells = [cell for row in content["ranking"] for cell in row["pillars"]]
    least = _column(cells, 8.5, 90.0) - 8.0 if content["marked"] else 34.0
    pillar_width = max([least, *(_word_width(name, 8.0) for name in pillars)])
    raw = [row["raw"] for unit in units for row in (*unit["strong"], *unit["weak"])]
    data["layout"] = {
        "name": _column([words["unit"], *names], 8.5, 130.0),
        "stat_code": _column([words["code"], *(row["code"] for row in content["statistics"])], 8.5, 80.0),
        "tree_code": _column([words["code"], *(row["code"] for row in content["tree"])], 8.5, 130.0),
        "raw": _column([words["raw"], *raw], 8.0, 100.0),
        "pillar": pillar_width,
        "few_pillars": _fit(content, names, pillar_width) if content["marked"] else len(pillars) <= 6,
        "named_pillars": (pillar_width + 8.0) * len(pillars) <= 270.0
        and all(_width(name) * 4.4 <= 4 * pillar_width for name in pillars),
        "contents": 2 if max(map(_width, names), default=0) > 24 else 3,
        "split": _split(units[0]["nodes"] if units else []),
    }
    return data


def _fit(content: Content, names: list[str], pillar: float) -> bool:
    """Tell whether the points of the pillars and what comes on top fit beside the bars of the ranking."""
    words = content["t"]
    others = [
        _column([words["rank"]], 8.5, 60.0), _column([words["unit"], *names], 8.5, 130.0),
        _column([row["value"] for row in content["ranking"]], 9.0, 90.0),
        _column([words["profile_page"]], 8.5, 60.0),
        *(_column([head], 8.5, 80.0) for head in content["role_heads"]),
    ]  # fmt: skip
    return sum(others) + (pillar + 8.0) * len(content["pillars"]) + _BAR <= _TEXT


def _split(nodes: list[dict[str, Any]]) -> int:
    """Return the row at which a long table of scores goes on in a second column, at a pillar; 0 for none."""
    if len(nodes) <= _SPLIT:
        return 0
    starts = [i for i, row in enumerate(nodes) if row["level"] == 1 and i]
    return min(starts, key=lambda i: abs(i - len(nodes) / 2), default=0)


def _strings(data: Any) -> Iterator[str]:
    """Yield every text in plain data."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for value in data.values():
            yield from _strings(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from _strings(value)


def _clean(data: Any) -> Any:
    """Return plain data with every text on one line, free of control characters, and breakable."""
    if isinstance(data, str):
        text = " ".join("".join(" " if category(char) == "Cc" else char for char in data).split(" "))
        return _RUN.sub(_broken, text)
    if isinstance(data, dict):
        return {key: _clean(value) for key, value in data.items()}
    return [_clean(value) for value in data] if isinstance(data, list | tuple) else data


def _broken(run: re.Match[str]) -> str:
    """Let a long word break after its punctuation, else after every twelve characters."""
    return _BREAK.join(re.findall(r"[^_./:?&=-]{0,11}[_./:?&=-]+|.{1,12}", run[0]))


def _width(text: str) -> int:
    """Return the width of a text in half-width characters."""
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def _word_width(text: str, size: float) -> float:
    """Return about how many points the longest part that cannot break takes in bold."""
    words = re.findall(r"[^\s\u2e80-\u9fff\uff00-\uffef]+", text)
    return max((len(word) for word in words), default=0) * size * 0.6


def _column(texts: list[str], size: float, most: float) -> float:
    """Return how many points a column of such texts takes, its insets included."""
    return min(most, max((_width(text) for text in texts), default=0) * size * 0.54 + 10.0)


def _shortened(text: str) -> str:
    if _width(text) <= 2 * _SHORT:
        return text
    kept = text
    while _width(kept) > 2 * _SHORT - 2:
        kept = kept[:-1]
    return kept.rstrip() + "…"
