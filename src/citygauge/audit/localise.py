"""Which single printed figure, or which two swapped ones, would make everything possible if corrected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import islice

from citygauge.audit.claims import rules_named
from citygauge.audit.figures import Interval, told
from citygauge.audit.findings import Finding, Repair
from citygauge.audit.plausible import (
    PLAUSIBLE,
    grain,
    lists_of,
    moved,
    own_means,
    printed_mean,
    reach,
    rounded,
    slips,
    twin,
)
from citygauge.audit.published import Published
from citygauge.audit.trial import BUDGET, Outcome, Recheck, Trial, broken
from citygauge.audit.wording import names, words

PAIRS, PARTIAL, SHOWN = 200, 12, 12  # swaps tried; figures tried and repairs told where none mends all
STATISTICS = (".mean", ".sd", ".min", ".max")
Found = tuple[Repair, bool]  # the second: whether it holds under some rules of rounding only
EASED, STRAINED, TOUCH, FAR = 0.3, 0.15, 0.6, 0.01


def localise(published: Published, findings: tuple[Finding, ...], recheck: Recheck) -> tuple[Repair, ...]:
    """Return the corrections with which everything is possible, the most plausible first.

    A figure is a suspect where it is in the smallest contradictory set of every impossible finding. Its
    values are those that a slip turns into what is printed (a digit, two digits, the point), the mean of its
    own parts by printed, equal or count weights, what the other figures leave, or another figure of the same
    list, swapped; each is put through every check that it concerns. Statements and orderings in words are no
    evidence against a correction; it tells which of them would be wrong with it.

    Parameters
    ----------
    findings : tuple of Finding
        Of all checks.
    recheck : callable
        ``recheck(published, touching)`` yields the findings on claims that rest on some figures.

    Returns
    -------
    tuple of Repair
        Empty where no figures contradict each other. Those with `touches` reach an edge only and mend
        nothing. Where no single correction mends everything, those that mend most, `repairs_all` false.
    """
    targets = [finding for finding in findings if broken(finding, published)]
    if not targets:
        return ()
    search = _Search(Trial(published, findings, recheck))
    found = [*search.singles(_common(targets, published), targets), *search.swaps(targets)]
    if all(repair.touches for repair, _ in found):
        found += search.partial(targets)
    ordered = sorted(found, key=lambda one: (one[0].touches, not one[0].repairs_all, one[1], -one[0].score))
    mending = [repair for repair, _ in ordered if not repair.touches]
    return (*mending[:SHOWN], *(repair for repair, _ in ordered if repair.touches))


def resting(finding: Finding, published: Published) -> tuple[str, ...]:
    """Return the figures without which a finding could not be: its smallest contradictory set."""
    proof = finding.certificate
    figures = proof.figures if proof and proof.figures else finding.figures
    return tuple(key for key in figures if key in published.figures)


def _common(targets: Sequence[Finding], published: Published) -> list[str]:
    sets = [resting(target, published) for target in targets]
    return [key for key in sets[0] if all(key in other for other in sets[1:])]


class _Search:
    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.published = trial.published
        self.lists = list(lists_of(trial.published))

    def singles(
        self, figures: Sequence[str], targets: Sequence[Finding], *, whole: bool = True
    ) -> Iterator[Found]:
        """Yield the corrections of each of some figures that resolve some findings."""
        for figure in figures:
            if self.published.figures[figure].sign != "=":
                continue
            if whole:
                yield from self._touching(figure)
            needed = self._needed(figure, targets)
            if not needed.empty:
                yield from self._values(figure, needed, [target.id for target in targets], whole=whole)

    def swaps(self, targets: Sequence[Finding]) -> Iterator[Found]:
        """Yield the swaps of two figures of one list that resolve all findings."""
        mended = [target.id for target in targets]
        self.trial.left = PAIRS
        for one, other in islice(self._pairs(targets), PAIRS):
            a, b = self.published.figures[one], self.published.figures[other]
            changes = {one: b.value, other: a.value}
            if (outcome := self.trial.outcome(changes, mended)) is not None:
                yield self._repair(changes, ("swapped",), outcome, None)

    def partial(self, targets: Sequence[Finding]) -> Iterator[Found]:
        """Yield corrections that resolve most of the findings, where none resolves all."""
        sets = {target.id: resting(target, self.published) for target in targets}
        hits = Counter(key for figures in sets.values() for key in figures)
        self.trial.left = BUDGET
        for figure, _ in hits.most_common(PARTIAL):
            some = [target for target in targets if figure in sets[target.id]]
            if len(some) < len(targets):
                yield from self.singles([figure], some, whole=False)

    def _needed(self, figure: str, targets: Sequence[Finding]) -> Interval:
        """Return where a figure has to lie for every proof to fall, with a step to spare for rounding."""
        within, step = self.trial.within(figure), Fraction(grain(self.published.figures[figure]))
        for target in targets:
            within = within.meet(_freed(target, figure, step))
        return within

    def _values(
        self, figure: str, needed: Interval, mended: Collection[str], *, whole: bool
    ) -> Iterator[Found]:
        """Yield the plausible values that pass, of wrong digits the nearest; or else any value that does."""
        printed = self.published.figures[figure]
        # Linear claims may be stricter than a check that leaves a reading open: then that check decides.
        linear = (self.trial.linear(figure) or needed).meet(needed)
        nearest = self.trial.nearest(figure, linear, mended)
        if nearest is None:
            return
        allowed = self.trial.around(figure, nearest, linear, mended)
        found: dict[Decimal, tuple[tuple[str, ...], Outcome]] = {}
        forms = self._forms(figure, allowed)
        digits = sorted((v for v in forms if forms[v] == ("digit",)), key=lambda v: abs(v - printed.value))
        for value in [v for v in forms if forms[v] != ("digit",)]:
            if outcome := self.trial.outcome({figure: value}, mended):
                found[value] = forms[value], outcome
        for value in (*digits, *(() if found else (nearest,))):
            if outcome := self.trial.outcome({figure: value}, mended):
                found[value] = forms.get(value, ()), outcome
                if not outcome.rules:
                    break
        likely = self._left(figure, allowed)
        for value, (form, outcome) in found.items():
            told_forms = tuple(dict.fromkeys((*form, *(("recomputed",) if value == likely else ()))))
            yield self._repair({figure: value}, told_forms, outcome, allowed, whole=whole)

    def _left(self, figure: str, allowed: Interval) -> Decimal | None:
        """Return the value that the other figures leave, None where they leave more than two open."""
        printed = self.published.figures[figure]
        steps = reach(printed, allowed)
        if steps.stop - steps.start - (0 in steps) > 2 or allowed.low is None or allowed.high is None:
            return None
        if figure in self.trial.places:
            mean = printed_mean(self.published, *self.trial.places[figure])
            if mean is not None:
                return rounded(mean, grain(printed), printed.rule)
        # The others at their printed values, which lie in the middle of their intervals, give the middle.
        middle = (allowed.low + allowed.high) / 2
        near = rounded(middle, grain(printed), printed.rule)
        return near if near != printed.value else moved(printed, 1 if middle > Fraction(near) else -1).value

    def _forms(self, figure: str, linear: Interval) -> dict[Decimal, tuple[str, ...]]:
        """Return the plausible values of a figure within what the linear claims allow, and their forms."""
        printed = self.published.figures[figure]
        named = list(slips(printed))
        if figure in self.trial.places:
            line, code = self.trial.places[figure]
            if (mean := printed_mean(self.published, line, code)) is not None:
                named.insert(0, (rounded(mean, grain(printed), printed.rule), "recomputed"))
            for form, weights in own_means(self.published, line, code):
                named.insert(0, (self._own(figure, weights), form))
        found: dict[Decimal, tuple[str, ...]] = {}
        for value, form in named:
            interval = self.published.with_value(figure, value).figures[figure].interval()
            if value != printed.value and not interval.meet(linear).empty:
                found[value] = tuple(dict.fromkeys((*found.get(value, ()), form)))
        return found

    def _own(self, figure: str, weights: dict[str, Fraction]) -> Decimal:
        printed = self.published.figures[figure]
        return rounded(self._mean(figure, weights), grain(printed), printed.rule)

    def _mean(self, figure: str, weights: dict[str, Fraction]) -> Fraction:
        line, _ = self.trial.places[figure]
        parts = {child: self.published.figures[line.id(child)] for child in weights}
        return sum((w * Fraction(parts[child].value) for child, w in weights.items()), Fraction(0))

    def _touching(self, figure: str) -> Iterator[Found]:
        """Yield a figure's own usual mean where that only touches what the others allow."""
        if figure not in self.trial.places:
            return
        line, code = self.trial.places[figure]
        for form, weights in own_means(self.published, line, code):
            if self.trial.with_own_mean(figure, weights) == "touches":
                value = Decimal(told(self._mean(figure, weights), 4))
                yield self._repair({figure: value}, (form,), Outcome(), None, touches=True)

    def _pairs(self, targets: Sequence[Finding]) -> Iterator[tuple[str, str]]:
        """Yield figures of one list, of unlike values and like places, one of which is in every finding."""
        figures = self.published.figures
        sets = [set(resting(target, self.published)) for target in targets]
        first = min(sets, key=len)
        rest = [s for s in sets if s is not first]
        seen: set[frozenset[str]] = set()
        for among in self.lists:
            present = [key for key in among if key in figures and figures[key].sign == "="]
            for one in present:
                if one not in first:
                    continue
                open_sets = [s for s in rest if one not in s]
                for other in present:
                    pair = frozenset((one, other))
                    if pair in seen or len(pair) < 2 or any(other not in s for s in open_sets):
                        continue
                    seen.add(pair)
                    a, b = figures[one], figures[other]
                    if a.value != b.value and grain(a) == grain(b) and not self._alike(pair, targets):
                        yield one, other

    def _alike(self, pair: frozenset[str], targets: Sequence[Finding]) -> bool:
        """Return whether two cells of one column are swapped in vain: its statistics stay as they are."""
        places = [self.trial.places.get(key) for key in pair]
        lines = [place for place in places if place and place[0].kind == "unit"]
        if len(lines) < 2 or lines[0][1] != lines[1][1]:
            return False
        return any(pair <= set(t.figures) and t.figures[0].endswith(STATISTICS) for t in targets)

    def _repair(
        self, changes: dict[str, Decimal], forms: tuple[str, ...], outcome: Outcome,
        allowed: Interval | None, *, touches: bool = False, whole: bool = True,
    ) -> Found:  # fmt: skip
        figures = tuple(changes)
        copied = twin(self.published, figures[0], self.lists) if len(figures) == 1 and not touches else None
        score = max((PLAUSIBLE[form] for form in forms), default=0.2) + 0.05 * max(len(forms) - 1, 0)
        score += EASED * min(outcome.eased, 2) - STRAINED * min(outcome.strained, 2) - TOUCH * touches
        if copied:
            score, forms = score + PLAUSIBLE["copied"], (*forms, "copied")
        printed = self.published.figures[figures[0]]
        steps = abs(changes[figures[0]] - printed.value) / grain(printed)
        score -= FAR * min(float(steps), 20.0) * (len(figures) == 1)
        text = self._text(changes, forms, outcome, allowed, copied, touches=touches, whole=whole)
        repair = Repair(figures, tuple(changes.values()), score, forms, allowed, touches, whole, *text)
        return repair, bool(outcome.rules)

    def _text(
        self, changes: dict[str, Decimal], forms: tuple[str, ...], outcome: Outcome,
        allowed: Interval | None, copied: str | None, *, touches: bool, whole: bool,
    ) -> tuple[str, str]:  # fmt: skip
        figures = [self.published.figures[key] for key in changes]
        first, last = figures[0], figures[-1]
        shown = [(f.name_zh or f.id, f.name_en or f.id) for f in (first, last)]
        key = "touches" if touches else "swap" if len(figures) == 2 else "single" if whole else "partial"
        reasons = [words(f"localise.{form}", twin=self._name(copied)) for form in forms if form != "swapped"]
        parts = [
            words(
                f"localise.{key}", name=shown[0], other=shown[1], printed=first.printed(),
                printed_other=last.printed(), value=next(iter(changes.values())),
            )
        ]  # fmt: skip
        if reasons:
            joined = ("；".join(zh for zh, _ in reasons), "; ".join(en for _, en in reasons))
            parts.append(words("localise.because", reasons=joined))
        if outcome.rules:
            parts.append(words("localise.rules", rules=rules_named(outcome.rules)))
        elif allowed is not None:
            parts.append(words(f"localise.{'allowed' if first.step else 'exact'}", allowed=_told(allowed)))
        if outcome.eased:
            parts.append(words(f"localise.eased{'_one' if outcome.eased == 1 else ''}", n=outcome.eased))
        if outcome.belied:
            claims = names([(f.claim_zh, f.claim_en) for f in outcome.belied])
            parts.append(words(f"localise.belied{'_one' if len(outcome.belied) == 1 else ''}", claims=claims))
        if outcome.stays:
            parts.append(words("localise.stays"))
        return "".join(zh for zh, _ in parts), " ".join(en for _, en in parts)

    def _name(self, key: str | None) -> tuple[str, str]:
        if key is None:
            return "", ""
        figure = self.published.figures[key]
        return figure.name_zh or key, figure.name_en or key


def _freed(target: Finding, figure: str, step: Fraction) -> Interval:
    """Return where a figure has to lie for a proof to fall: what the proof says without what is printed."""
    total: dict[str, Fraction] = {}
    limit = Fraction(0)
    for term in target.certificate.terms if target.certificate else ():
        if term.figures != (figure,):
            limit += term.multiplier * term.limit
            for name, coefficient in term.coefficients.items():
                total[name] = total.get(name, Fraction(0)) + term.multiplier * coefficient
    left = {name: coefficient for name, coefficient in total.items() if coefficient}
    if set(left) != {figure}:
        return Interval()
    end = limit / left[figure]
    return Interval(high=end + step) if left[figure] > 0 else Interval(low=end - step)


def _told(allowed: Interval) -> tuple[str, str]:
    """Return an interval in words."""
    low, high = allowed.low, allowed.high
    if low is None and high is None:
        return words("localise.anything")
    if low is None or high is None:
        key = "at_most" if low is None else "at_least"
        end = high if low is None else low
        assert end is not None
        return words(f"localise.{key}", end=told(end))
    if low == high:
        return words("localise.only", end=told(low))
    return words("localise.between", low=told(low), high=told(high))
