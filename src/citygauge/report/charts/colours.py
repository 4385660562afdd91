"""Colours that eyes of every kind and a grey print tell apart, and the shapes and dashes beside them."""

from __future__ import annotations

from collections.abc import Sequence

from citygauge.report.charts.base import INK

# The first few differ most. Any two differ by 8 or more in lightness (CIE L*, 0 to 100), neighbours by 16;
# for eyes without red, green or blue cones any two differ by 21 or more (CIE 1976 colour difference).
CATEGORIES = ("#107ac2", "#e7b74a", "#611e3c", "#c6793b", "#456a3f", "#aae1e3", "#55417a", "#ad9bcb")
SHAPES = (
    "circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left"
)  # fmt: skip
# Lengths of stroke and gap in pixels, for lines.
DASHES = ((1, 0), (6, 3), (2, 2), (10, 3), (6, 2, 2, 2), (1, 3), (12, 3, 2, 3), (4, 6))
# From below to above, white between: brown is as dark as the blue opposite, so print the sign as well.
DIVERGING = ("#8c4a14", "#c98a4b", "#e9cfae", "#f7f7f7", "#bcd7ea", "#5b9bc8", "#1d5c8f")
MISSING = "#d5d5d5"

_LIGHT_TO_DARK = ("#e6f0f7", "#c2d9ea", "#94bcd9", "#5f99c2", "#3576a6", "#1c5583", "#12375a")


def SEQUENTIAL(n: int) -> tuple[str, ...]:  # noqa: N802 - stands beside the other palettes
    """Return `n` blues from light to dark, for small to large.

    Examples
    --------
    >>> SEQUENTIAL(3)
    ('#e6f0f7', '#5f99c2', '#12375a')
    >>> SEQUENTIAL(1)
    ('#5f99c2',)
    """
    last = len(_LIGHT_TO_DARK) - 1
    places = [last * i / (n - 1) for i in range(n)] if n > 1 else [last / 2] * n
    return tuple(_between(_LIGHT_TO_DARK, place) for place in places)


def lightness(colour: str) -> float:
    """Return how light a colour is in a grey print: CIE 1976 L*, 0 black to 100 white (CIE 15:2018, 8.2.1).

    Examples
    --------
    >>> lightness("#ffffff"), lightness("#000000")
    (100.0, 0.0)
    """
    y = _luminance(colour)
    return round(116 * y ** (1 / 3) - 16 if y > 216 / 24389 else y * 24389 / 27, 6)


def ink_on(colour: str) -> str:
    """Return the colour of text that reads best on a colour: white or ink (contrast of WCAG 2.2, 1.4.3).

    Examples
    --------
    >>> ink_on("#12375a"), ink_on("#e6f0f7")
    ('#ffffff', '#222222')
    """
    on = _luminance(colour)
    return "#ffffff" if 1.05 / (on + 0.05) > (on + 0.05) / (_luminance(INK) + 0.05) else INK


def mixed(colour: str, other: str, share: float) -> str:
    """Return a colour with a share (0 to 1) of another one.

    Examples
    --------
    >>> mixed("#000000", "#ffffff", 0.6)
    '#999999'
    """
    ends = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(255 * (a + (b - a) * share)):02x}" for a, b in ends)


def taken(palette: Sequence[str], n: int) -> tuple[str, ...]:
    """Return `n` colours of a palette, from its start again where it has fewer."""
    return tuple(palette[i % len(palette)] for i in range(n))


def _luminance(colour: str) -> float:
    """Return the relative luminance of an sRGB colour, 0 to 1 (IEC 61966-2-1)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _between(palette: Sequence[str], place: float) -> str:
    """Return the colour at a place between the colours of a palette."""
    first = min(int(place), len(palette) - 2)
    return mixed(palette[first], palette[first + 1], place - first)


def _channels(colour: str) -> list[float]:
    """Return red, green and blue of ``#rrggbb``, 0 to 1."""
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
