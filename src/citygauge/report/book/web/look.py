"""An institute's colours, fonts and logo in a style sheet, whatever was written as them."""

from __future__ import annotations

import base64
import re

from citygauge.problems import Language
from citygauge.report.book.document import Document, Look
from citygauge.report.charts.base import FONTS
from citygauge.report.charts.colours import lightness, mixed

# A colour of this lightness or below has a contrast of 4.5 to white and to the page's light greys.
_DARK_ENOUGH = 47.0
_LOGOS = {"png": "image/png", "svg": "image/svg+xml"}
_HEADER = "@media print{@page{@top-right{content:%s;color:#8a1f1f;font-size:8pt}}}"
_PLAIN = re.compile(r"[^\w \-]|_")


def dark(colour: str) -> str:
    """Return a colour as it is, or so much darker that text in it can be read on white (WCAG 2.2, 1.4.3).

    Examples
    --------
    >>> dark("#1f5582"), dark("#ffcc00")
    ('#1f5582', '#856a00')
    """
    share = 0.0
    while lightness(found := mixed(colour, "#000000", share)) > _DARK_ENOUGH:
        share += 0.02
    return found


def quoted(text: str) -> str:
    r"""Return a text as a string of CSS in which nothing can end it.

    Examples
    --------
    >>> print(quoted("宋体 3"), quoted('a"; } </style>'))
    "宋体 3" "a\000022\00003b \00007d \00003c\00002fstyle\00003e"
    """
    return '"' + _PLAIN.sub(lambda found: f"\\{ord(found[0]):06x}", text) + '"'


def style_of(document: Document) -> str:
    """Return the custom properties that the style sheet reads, and the notice on every printed page."""
    look = document.look
    primary = dark(look.primary)
    values = {
        "primary": primary,
        "tint": mixed(primary, "#ffffff", 0.93),
        "accent": dark(look.accent),
        "fonts": families(look, document.language),
    }
    root = ":root{" + "".join(f"--{name}:{value};" for name, value in values.items()) + "}"
    return root + (_HEADER % quoted(document.notice) if document.notice else "")


def families(look: Look, language: Language) -> str:
    """Return the look's families, then those that every chart is drawn with."""
    return ", ".join([*map(quoted, look.fonts), FONTS[language]])


def logo_of(look: Look) -> str:
    """Return the logo as an address that holds it; blank for none, or for a kind that is no picture."""
    kind = _LOGOS.get(look.logo_type)
    return f"data:{kind};base64,{base64.b64encode(look.logo).decode()}" if look.logo and kind else ""
