"""One fault planted in a consistent publication: found, placed, first where its repair is unique."""

import os
from functools import cache

import numpy as np
import pytest
from planted import Judge, consistent, fault, published

from citygauge.audit.audit import audit_published, recheck
from citygauge.audit.localise import resting
from citygauge.audit.trial import broken

FULL = os.environ.get("CITYGAUGE_TEST_FULL") == "1"
CASES = 500 if FULL else 40


@cache
def case(seed):
    """A faulty publication: what was planted, whether the judge sees it, every repair, and the audit."""
    rng = np.random.default_rng(seed)
    plan, values = consistent(rng)
    judge = Judge(plan)
    assert not judge.broken(values)
    while True:
        kind, planted = fault(rng, judge, values)
        if any(values[key] != value for key, value in planted.items()):
            break
    faulty = values | planted
    seen = bool(judge.broken(faulty))
    repairs = judge.repairs(faulty) if seen else set()
    return frozenset(planted), seen, repairs, audit_published(published(plan, faulty)), kind


def cases():
    return (case(seed) for seed in range(CASES))


def impossible(audit):
    return [finding for finding in audit.findings if broken(finding, audit.published)]


@pytest.mark.parametrize("seed", range(200 if FULL else 4))
def test_a_consistent_publication_raises_no_alarm(seed):
    plan, values = consistent(np.random.default_rng(seed))
    assert [f.id for f in recheck(published(plan, values)) if f.verdict == "impossible"] == []


def test_a_fault_is_found_exactly_where_it_can_be():
    missed = [seed for seed, (_, seen, _, audit, _) in enumerate(cases()) if bool(impossible(audit)) != seen]
    assert missed == []


def test_a_fault_is_ranked_first_wherever_its_repair_is_unique():
    unique = [c for c in cases() if c[1] and c[2] == {c[0]}]
    assert len(unique) > CASES / 10
    assert [(c[0], [r.figures for r in c[3].repairs]) for c in unique if _first(c[3]) != c[0]] == []


def test_a_fault_that_can_be_repaired_otherwise_is_in_a_smallest_set():
    others = [c for c in cases() if c[1] and c[2] != {c[0]}]
    inside = [c for c in others if any(c[0] & set(resting(f, c[3].published)) for f in impossible(c[3]))]
    assert len(inside) >= 0.99 * len(others)


def test_every_repair_told_is_one_that_the_judge_finds_too():
    for planted, seen, repairs, audit, _ in cases():
        told = {frozenset(r.figures) for r in audit.repairs if r.repairs_all and not r.touches}
        assert told <= repairs
        assert not seen or planted in repairs


def _first(audit):
    return frozenset(audit.repairs[0].figures) if audit.repairs else None
