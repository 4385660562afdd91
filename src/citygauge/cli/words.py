"""The language of the command line: Chinese or English, by option, variable or locale."""

from __future__ import annotations

import os
import sys
from functools import cache

from citygauge.problems import Language


@cache
def language() -> Language:
    """Return ``zh`` or ``en``: ``--lang``, else ``CITYGAUGE_LANG``, else the locale; English otherwise.

    It is needed before the arguments are parsed, because the help is in it too.
    """
    given = ""
    for place, word in enumerate(sys.argv):
        if word.startswith("--lang="):
            given = word.removeprefix("--lang=")
        elif word == "--lang" and place + 1 < len(sys.argv):
            given = sys.argv[place + 1]
    names = (
        given,
        *(os.environ.get(name, "") for name in ("CITYGAUGE_LANG", "LC_ALL", "LC_MESSAGES", "LANG")),
    )
    chosen = next((name for name in names if name), "")
    return "zh" if chosen.lower().startswith("zh") else "en"


def say(en: str, zh: str) -> str:
    """Return the text in the language of this call."""
    return zh if language() == "zh" else en
