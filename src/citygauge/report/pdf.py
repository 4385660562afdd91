"""The report as PDF, set by Typst; the same content as the page, and one profile page a unit."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from citygauge.report.content import Content
from citygauge.report.fonts import choose
from citygauge.report.typesetting import Pdf, clean, compiled, shortened, strings, system_fonts, width

if TYPE_CHECKING:
    import typst

_SHORT = 44  # width of the title in the header, in full-width characters
_TEXT, _BAR = 482.0, 90.0  # points: the text of a page, and the least that bars need
_SPLIT = 28  # rows of scores from which a profile shows them in two columns


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
    fonts = fonts or system_fonts()
    data = _typeset(content, profiles)
    choice = choose(strings(data), content["language"], fonts)
    if choice.lacks_cjk:
        return Pdf(lacks="font")
    made = compiled("report.typ", {**data, "fonts": choice.families}, fonts)
    return Pdf(made, uncovered=choice.uncovered)


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
    data: dict[str, Any] = clean(
        {
            **{key: value for key, value in content.items() if key not in unused},
            "profiles": units,
            "profile_axis": profiles["axis"],
            "cover": cover,
            "version": content["run"]["citygauge"],
            "short_heading": shortened(content["heading"], 2 * _SHORT),
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
        and all(width(name) * 4.4 <= 4 * pillar_width for name in pillars),
        "contents": 2 if max(map(width, names), default=0) > 24 else 3,
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


def _word_width(text: str, size: float) -> float:
    """Return about how many points the longest part that cannot break takes in bold."""
    words = re.findall(r"[^\s\u2e80-\u9fff\uff00-\uffef]+", text)
    return max((len(word) for word in words), default=0) * size * 0.6


def _column(texts: list[str], size: float, most: float) -> float:
    """Return how many points a column of such texts takes, its insets included."""
    return min(most, max((width(text) for text in texts), default=0) * size * 0.54 + 10.0)
