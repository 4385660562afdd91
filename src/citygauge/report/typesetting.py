"""What all reports that Typst sets have in common: fonts, safe and breakable texts, and the run of Typst."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal
from unicodedata import category, east_asian_width

if TYPE_CHECKING:
    import typst

LONG = 17  # characters from which a word may break anywhere
_RUN = re.compile(rf"[^\s\u2e80-\u9fff\uff00-\uffef]{{{LONG},}}")
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


def compiled(
    template: str,
    data: Any,
    fonts: typst.Fonts,
    *,
    timestamp: int = 0,
    standard: Literal["ua-1"] | None = None,
) -> bytes:
    """Return plain data set by a template of this package as PDF; ``typst.TypstError`` where it cannot be.

    The data go as JSON, so that nothing in them is read as Typst. `timestamp` is what the file says of its
    making; `standard` such as ``ua-1`` is one that Typst has to keep to.
    """
    import typst  # noqa: PLC0415 - an extra

    made, _ = typst.compile_with_warnings(
        _template(template),
        font_paths=fonts,
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        format="pdf",
        timestamp=timestamp,
        pdf_standards=standard or [],
    )
    _forget()
    return bytes(made)


def strings(data: Any) -> Iterator[str]:
    """Yield every text in plain data."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for value in data.values():
            yield from strings(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from strings(value)


def clean(data: Any) -> Any:
    """Return plain data with every text on one line, free of control characters, and breakable."""
    if isinstance(data, str):
        return _RUN.sub(lambda run: broken(run[0]), one_line(data))
    if isinstance(data, dict):
        return {key: clean(value) for key, value in data.items()}
    return [clean(value) for value in data] if isinstance(data, list | tuple) else data


def one_line(text: str) -> str:
    """Return a text on one line, free of control characters and of halves of characters."""
    return "".join(" " if category(char) in {"Cc", "Cs"} else char for char in text)


def broken(word: str, most: int = 12) -> str:
    """Return a word that may break after its punctuation, else after every `most` characters."""
    ends = rf"[^_./:?&=-]{{0,{most - 1}}}[_./:?&=-]+|.{{1,{most}}}"
    return _BREAK.join(re.findall(ends, word))


def width(text: str) -> int:
    """Return the width of a text in half-width characters."""
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def shortened(text: str, most: int) -> str:
    """Return a text of at most so many half-width characters, cut with an ellipsis where it is longer."""
    if width(text) <= most:
        return text
    kept = text
    while width(kept) > most - 2:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def _forget() -> None:
    """Make Typst let go of a layout: it keeps one for its next ten documents, a gigabyte for 300 profiles."""
    import typst  # noqa: PLC0415 - an extra

    none = typst.Fonts(include_system_fonts=False)
    for number in range(11):
        typst.compile(f"// {number}".encode(), font_paths=none, format="pdf", timestamp=0)


@cache
def _template(name: str) -> bytes:
    return resources.files("citygauge").joinpath("report", "templates", name).read_bytes()
