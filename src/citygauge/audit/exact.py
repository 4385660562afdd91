"""Linear inequalities in exact fractions: a point that meets them all, or multipliers that contradict them.

The general simplex of Dutertre and de Moura (2006), A fast linear-arithmetic solver for DPLL(T), CAV, LNCS
4144, 81-94, DOI 10.1007/11817963_11. A number is a pair (value, multiple of an infinitesimal δ): an open end
is a closed one that lies δ further in (their section 5), so that open and closed ends need one rule only.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple, TypeAlias

from citygauge.audit.figures import Interval

Number: TypeAlias = tuple[Fraction, Fraction]
Form: TypeAlias = dict[int, Fraction]
Rows: TypeAlias = Sequence[tuple[Mapping[str, Fraction], Interval]]
ZERO, ONE = Fraction(0), Fraction(1)
OBJECTIVE = -1


class Pull(NamedTuple):
    """A side of a row in a contradiction: +1 for ``form ≤ high``, -1 for ``-form ≤ -low``."""

    row: int
    side: int
    multiplier: Fraction


class End(NamedTuple):
    """An end of a variable, and the side of the row that sets it."""

    at: Number
    row: int
    side: int
    factor: Fraction


class Simplex:
    """Rows, of which only those are watched that matter near the point that it starts from.

    Parameters
    ----------
    rows : sequence of (coefficients, interval)
        The sum of coefficient × unknown lies in the interval. Unknowns are free numbers.
    near : mapping
        Where to start: unknown → value; 0 for others.
    """

    def __init__(self, rows: Rows, near: Mapping[str, Fraction]) -> None:
        self.names = list(dict.fromkeys(name for coefficients, _ in rows for name in coefficients))
        self.index = {name: i for i, name in enumerate(self.names)}
        self.forms = [{self.index[n]: c for n, c in coefficients.items() if c} for coefficients, _ in rows]
        self.within = [within for _, within in rows]
        self.lower: dict[int, End] = {}
        self.upper: dict[int, End] = {}
        self.basic: dict[int, Form] = {}
        self.users: dict[int, set[int]] = {i: set() for i in range(len(self.names))}
        self.suspects: list[int] = []
        self.crossed: int | None = None
        self.unwatched = [row for row, form in enumerate(self.forms) if len(form) != 1]
        for row, form in enumerate(self.forms):
            if len(form) == 1:
                ((variable, coefficient),) = form.items()
                self._bound(variable, row, coefficient)
        self.value: dict[int, Number] = {
            i: self._clipped(i, (near.get(name, ZERO), ZERO)) for i, name in enumerate(self.names)
        }

    def contradiction(self, start: Iterable[int] = ()) -> tuple[Pull, ...] | None:
        """Return the sides of rows that contradict each other, None once a point that meets all is found.

        `start`: the rows to watch from the beginning; others are added as the point breaks them.
        """
        self._watch(start)
        while True:
            if conflict := self._mend():
                return conflict
            if not (broken := self._broken()):
                return None
            self._watch(broken)

    def highest(self, objective: Mapping[str, Fraction], start: Iterable[int] = ()) -> Number | None:
        """Return the highest value of a sum once `contradiction` has found none; None where it has no end."""
        self._watch(start)
        form = {self.index[name]: c for name, c in objective.items() if c and name in self.index}
        if any(c and name not in self.index for name, c in objective.items()):
            return None
        self._enter(OBJECTIVE, form)
        while True:
            assert self._mend() is None
            if not self._climb():
                if not self.unwatched:
                    return None
                self._watch(list(self.unwatched))
            elif broken := self._broken():
                self._watch(broken)
            else:
                return self.value[OBJECTIVE]

    def point(self) -> dict[str, Fraction]:
        """Return the point that was found: δ is given a value small enough for every open end."""
        delta = ONE
        if any(value[1] for value in self.value.values()):
            for row, form in enumerate(self.forms):
                at = self._worth(form)
                for end, sign in zip(_ends(self.within[row]), (1, -1), strict=True):
                    room = sign * (at[0] - end[0]) if end else ZERO
                    if room > 0 and sign * at[1] < 0:
                        delta = min(delta, room / abs(at[1]) / 2)
        return {name: self.value[i][0] + delta * self.value[i][1] for i, name in enumerate(self.names)}

    def _bound(self, variable: int, row: int, coefficient: Fraction) -> None:
        low, high = _ends(self.within[row])
        for end, side in ((low, -1), (high, 1)):
            if end is None:
                continue
            over = (side > 0) == (coefficient > 0)
            at = (end[0] / coefficient, -abs(end[1]) if over else abs(end[1]))
            ends = self.upper if over else self.lower
            old = ends.get(variable)
            if old is None or (at < old.at if over else at > old.at):
                ends[variable] = End(at, row, side, 1 / abs(coefficient))
        if self._is_crossed(variable):
            self.crossed = variable

    def _is_crossed(self, variable: int) -> bool:
        low, high = self.lower.get(variable), self.upper.get(variable)
        return low is not None and high is not None and low.at > high.at

    def _clipped(self, variable: int, value: Number) -> Number:
        if (low := self.lower.get(variable)) and value < low.at:
            value = low.at
        if (high := self.upper.get(variable)) and value > high.at:
            value = high.at
        return value

    def _worth(self, form: Form) -> Number:
        value = self.value
        at, delta = ZERO, ZERO
        for variable, coefficient in form.items():
            number = value[variable]
            at += coefficient * number[0]
            if number[1]:
                delta += coefficient * number[1]
        return at, delta

    def _broken(self) -> list[int]:
        """Return the rows outside the watch that the point does not meet."""
        found = []
        for row in self.unwatched:
            at = self._worth(self.forms[row])
            low, high = _ends(self.within[row])
            if (low is not None and at < low) or (high is not None and at > high):
                found.append(row)
        return found

    def _watch(self, rows: Iterable[int]) -> None:
        known = set(self.unwatched)
        new = [row for row in dict.fromkeys(rows) if row in known]
        self.unwatched = [row for row in self.unwatched if row not in set(new)]
        for row in new:
            variable = len(self.names) + row
            low, high = _ends(self.within[row])
            if low is not None:
                self.lower[variable] = End(low, row, -1, ONE)
            if high is not None:
                self.upper[variable] = End(high, row, 1, ONE)
            if self._is_crossed(variable):
                self.crossed = variable
            self._enter(variable, self.forms[row])

    def _enter(self, variable: int, form: Form) -> None:
        own: Form = {}
        for other, coefficient in form.items():
            _add(own, self.basic.get(other, {other: ONE}), coefficient)
        self.basic[variable] = own
        for other in own:
            self.users[other].add(variable)
        self.value[variable] = self._worth(own)
        heapq.heappush(self.suspects, variable)

    def _mend(self) -> tuple[Pull, ...] | None:
        """Pivot until every watched row is met, or return the sides that contradict each other."""
        if self.crossed is not None:
            low, high = self.lower[self.crossed], self.upper[self.crossed]
            return _pulls(((low, ONE), (high, ONE)))
        # Thin columns first keep the table sparse; after that Bland's rule, with which no pivot comes twice.
        spare = 100 + 3 * len(self.basic)
        while self.suspects:
            variable = heapq.heappop(self.suspects)
            if variable not in self.basic or not (end := self._missed(variable)):
                continue
            up = end is self.lower.get(variable)
            form = self.basic[variable]
            ways = [j for j, c in form.items() if self._can_move(j, (c > 0) == up)]
            if not ways:
                return self._explained(form, end, up)
            enters = min(ways, key=lambda j: (len(self.users[j]), j)) if spare > 0 else min(ways)
            spare -= 1
            self._pivot(variable, enters, end.at)
        return None

    def _missed(self, variable: int) -> End | None:
        value = self.value[variable]
        if (low := self.lower.get(variable)) and value < low.at:
            return low
        if (high := self.upper.get(variable)) and value > high.at:
            return high
        return None

    def _can_move(self, variable: int, up: bool) -> bool:
        end = (self.upper if up else self.lower).get(variable)
        return end is None or (self.value[variable] < end.at if up else self.value[variable] > end.at)

    def _explained(self, form: Form, end: End, up: bool) -> tuple[Pull, ...]:
        """Return the end that is missed and the ends that keep its row from it."""
        kept = [((self.upper if (c > 0) == up else self.lower)[j], abs(c)) for j, c in form.items()]
        return _pulls(((end, ONE), *kept))

    def _pivot(self, leaves: int, enters: int, target: Number) -> None:
        """Set a row to a value by moving a variable, and exchange the two."""
        form = self.basic.pop(leaves)
        pivot = form.pop(enters)
        now = self.value[leaves]
        self._shift(enters, ((target[0] - now[0]) / pivot, (target[1] - now[1]) / pivot), leaves)
        self.value[leaves] = target
        fresh = {j: -c / pivot for j, c in form.items()}
        fresh[leaves] = 1 / pivot
        for j in form:
            self.users[j].discard(leaves)
        self.users[leaves] = set()
        for other in self.users.pop(enters) - {leaves}:
            row = self.basic[other]
            coefficient = row.pop(enters)
            for j, c in fresh.items():
                total = row.get(j, ZERO) + coefficient * c
                if total:
                    row[j] = total
                    self.users[j].add(other)
                elif j in row:
                    del row[j]
                    self.users[j].discard(other)
        self.basic[enters] = fresh
        for j in fresh:
            self.users[j].add(enters)
        heapq.heappush(self.suspects, enters)

    def _shift(self, variable: int, step: Number, but: int | None = None) -> None:
        self.value[variable] = _moved(self.value[variable], ONE, step)
        for other in self.users[variable]:
            if other != but:
                self.value[other] = _moved(self.value[other], self.basic[other][variable], step)
                heapq.heappush(self.suspects, other)

    def _climb(self) -> bool:
        """Raise the objective as far as the watched rows let it; False where nothing stops it."""
        while True:
            form = self.basic[OBJECTIVE]
            moves = [j for j, c in form.items() if self._can_move(j, c > 0)]
            if not moves:
                return True
            enters = min(moves)
            sign = 1 if form[enters] > 0 else -1
            stop, leaves, end = self._stop(enters, sign)
            if stop is None:
                return False
            if leaves is None:
                self._shift(enters, (sign * stop[0], sign * stop[1]))
            else:
                assert end is not None
                self._pivot(leaves, enters, end.at)

    def _stop(self, enters: int, sign: int) -> tuple[Number | None, int | None, End | None]:
        """Return how far a variable can go, and the row and its end that stop it, None for its own end."""
        best: tuple[Number, int] | None = None
        found: tuple[int | None, End | None] = (None, None)
        if own := (self.upper if sign > 0 else self.lower).get(enters):
            at = self.value[enters]
            best = (sign * (own.at[0] - at[0]), sign * (own.at[1] - at[1])), enters
        for other in self.users[enters]:
            slope = sign * self.basic[other][enters]
            end = (self.upper if slope > 0 else self.lower).get(other)
            if end is None:
                continue
            at = self.value[other]
            step = ((end.at[0] - at[0]) / slope, (end.at[1] - at[1]) / slope), other
            if best is None or step < best:
                best, found = step, (other, end)
        return (None if best is None else best[0]), *found


def _ends(within: Interval) -> tuple[Number | None, Number | None]:
    low = None if within.low is None else (within.low, ONE if within.low_open else ZERO)
    high = None if within.high is None else (within.high, -ONE if within.high_open else ZERO)
    return low, high


def _moved(at: Number, factor: Fraction, step: Number) -> Number:
    return at[0] + factor * step[0], at[1] + factor * step[1] if step[1] else at[1]


def _add(form: Form, other: Form, factor: Fraction) -> None:
    for j, c in other.items():
        total = form.get(j, ZERO) + factor * c
        if total:
            form[j] = total
        else:
            form.pop(j, None)


def _pulls(ends: Iterable[tuple[End, Fraction]]) -> tuple[Pull, ...]:
    return tuple(Pull(end.row, end.side, end.factor * multiplier) for end, multiplier in ends)
