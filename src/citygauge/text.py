"""Characters that nobody sees: control characters and those that turn the direction of writing round."""

from __future__ import annotations

import re

# In a table they break the file, in a terminal they act, in a report they hide or reorder what is written.
HIDDEN = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
SHOWN = "\N{REPLACEMENT CHARACTER}"
_HIDDEN = re.compile(HIDDEN)


def visible(text: str) -> str:
    """Return a text with every character that nobody sees as ``�``.

    Examples
    --------
    >>> visible("a" + chr(27) + "[31m")
    'a�[31m'
    """
    return _HIDDEN.sub(SHOWN, text)
