"""A printed figure as it is written in a file: a number, a text such as ``> 0.30``, or a table of keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from citygauge.audit.figures import Interval, Rule, Sign
from citygauge.faults import RuleError

_SIGNS: Mapping[str, Sign] = {
    "≥": ">=", ">=": ">=", "≤": "<=", "<=": "<=", ">": ">", "<": "<", "＞": ">", "＜": "<", "": "=",
}  # fmt: skip
_FIGURE = re.compile(r"(?P<sign>>=|<=|[<>≥≤＜＞])?(?P<number>[-+−]?\d[\d,]*(?:\.\d+)?)(?P<percent>[%％])?")
_NUMBER = r"[-−]?\d+(?:\.\d+)?[%％]?"
_BRACKETS = re.compile(rf"(?P<left>[\[(（［])(?P<low>{_NUMBER})[,，](?P<high>{_NUMBER})(?P<right>[\])）］])")
_BETWEEN = re.compile(rf"(?P<low>{_NUMBER})(?:-|–|—|~|～|至|to)(?P<high>{_NUMBER})")
_FROM = re.compile(rf"(?:>=|≥)(?P<a>{_NUMBER})|(?P<b>{_NUMBER})(?:及?以上|andabove|orabove|\+)")
_ABOVE = re.compile(rf"(?:>|＞)(?P<a>{_NUMBER})")
_UNDER = re.compile(
    rf"(?:<|＜)(?P<a>{_NUMBER})|(?P<b>{_NUMBER})(?:以下|orbelow|andbelow)|below(?P<c>{_NUMBER})"
)
_UP_TO = re.compile(rf"(?:<=|≤)(?P<a>{_NUMBER})|(?P<b>{_NUMBER})及以下")


class Plain(BaseModel):
    """Part of a published index as it is written in a file."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Rounding(Plain):
    """How figures are rounded: to which step, by which rule."""

    step: Decimal | None = Field(None, gt=0)
    rule: Rule = "unknown"


class Given(Plain):
    """A figure with what is said of it."""

    value: Decimal
    digits: int | None = Field(None, ge=0, le=12)
    rounding: Rule | None = None
    tolerance: Decimal = Field(Decimal(0), ge=0)
    sign: Sign = "="
    where: str = ""

    @model_validator(mode="before")
    @classmethod
    def _written(cls, data: Any) -> Any:
        return figure_of(data)

    @model_validator(mode="after")
    def _within_digits(self) -> Given:
        if self.digits is not None and self.value % self.own_step:
            raise RuleError(
                f"it has more than the {self.digits} decimals that are said to be printed",
                f"小数位多于所写的 {self.digits} 位",
            )
        return self

    @property
    def own_step(self) -> Decimal:
        """One unit of the last place, as it is written."""
        exponent = self.value.as_tuple().exponent
        places = self.digits if self.digits is not None else max(-int(exponent), 0)
        return Decimal(1).scaleb(-places)


def figure_of(written: Any) -> Any:
    """Return what stands for a figure as the keys of `Given`; what is none stays for pydantic to refuse."""
    if isinstance(written, bool):
        raise RuleError("it must be a number", "应为数字")
    if isinstance(written, int | Decimal):
        return {"value": Decimal(written)}
    if isinstance(written, float):
        return {"value": Decimal(repr(written))}
    if isinstance(written, str):
        return _read(written)
    if isinstance(written, Mapping) and isinstance(written.get("value"), str):
        return {**_read(written["value"]), **{key: v for key, v in written.items() if key != "value"}}
    return written


def range_of(written: str) -> Interval:
    """Return the interval that a text such as ``0.70-0.85``, ``0.85以上`` or ``[0.70, 0.85)`` stands for.

    Of two numbers alone the lower belongs to the range and the upper does not; "above" includes its number
    and "below" does not.

    Raises
    ------
    RuleError
        When it is no range, or stands upside down.

    Examples
    --------
    >>> str(range_of("0.70-0.85")), str(range_of("0.85以上")), str(range_of("< 0.70"))
    ('[0.7, 0.85)', '[0.85, ∞)', '(-∞, 0.7)')
    """
    text = re.sub(r"\s+", "", written).replace("分", "")
    if found := _BRACKETS.fullmatch(text):
        left, right = found["left"] in "(（", found["right"] in ")）"
        return _upright(Interval(_fraction(found["low"]), _fraction(found["high"]), left, right))
    if found := _BETWEEN.fullmatch(text):
        return _upright(Interval(_fraction(found["low"]), _fraction(found["high"]), high_open=True))
    for pattern, low, is_open in ((_FROM, True, False), (_ABOVE, True, True), (_UP_TO, False, False)):
        if found := pattern.fullmatch(text):
            return _half(found, low=low, is_open=is_open)
    if found := _UNDER.fullmatch(text):
        return _half(found, low=False, is_open=True)
    raise RuleError(
        'it is no range; write "0.70-0.85", ">= 0.85", "< 0.70" or "[0.70, 0.85)"',
        "不是区间，可写作“0.70-0.85”“>= 0.85”“< 0.70”或“[0.70, 0.85)”",
    )


def _half(found: re.Match[str], *, low: bool, is_open: bool) -> Interval:
    end = _fraction(next(text for text in found.groups() if text))
    return Interval(low=end, low_open=is_open) if low else Interval(high=end, high_open=is_open)


def _upright(interval: Interval) -> Interval:
    if interval.empty:
        raise RuleError("its lower end must be below its upper end", "下端应小于上端")
    return interval


def _fraction(text: str) -> Fraction:
    per_cent = text.rstrip("%％")
    value = Fraction(per_cent.replace("−", "-"))
    return value / 100 if per_cent != text else value


def _read(text: str) -> dict[str, Any]:
    found = _FIGURE.fullmatch(re.sub(r"\s+", "", text))
    try:
        if found is None:
            raise InvalidOperation
        value = Decimal(found["number"].replace(",", "").replace("−", "-"))
    except InvalidOperation:
        raise RuleError(
            'it is no figure; write 0.70, "> 0.30" or "73%"', "不是数字，可写作 0.70、“> 0.30”或“73%”"
        ) from None
    value = value.scaleb(-2) if found["percent"] else value
    return {"value": value, "sign": _SIGNS[found["sign"] or ""]}


def _rounding(written: Any) -> Any:
    if isinstance(written, str):
        return {"rule": written} if written.replace("_", "").isalpha() else {"step": written}
    return {"step": written} if isinstance(written, int | Decimal) else written


def _range(written: Any) -> Any:
    return range_of(written) if isinstance(written, str) else written


RoundingGiven = Annotated[Rounding, BeforeValidator(_rounding)]
RangeGiven = Annotated[Interval, BeforeValidator(_range)]
