"""A mean that no score can have is named, and one at the edge of the range is not."""

from __future__ import annotations

import pytest

from citygauge.audit.audit import audit_published
from citygauge.audit.ranges import check
from citygauge.audit.read import read_published


def index(tmp_path, mean, scale="[0, 1]"):
    text = (
        f'title = "x"\nscale = {scale}\nrounding = {{step = "0.01", rule = "half_up"}}\n'
        f'[overall]\nmean = 0.5\n[[pillar]]\ncode = "A"\nmean = {mean}\n[[pillar]]\ncode = "B"\nmean = 0.40\n'
    )
    (tmp_path / "x.toml").write_text(text, encoding="utf-8")
    return read_published(tmp_path / "x.toml")


# 1.00 stands for [0.995, 1.005) and -0.00 for what rounds to it, which meet [0, 1]; 1.01 begins at 1.005
@pytest.mark.parametrize(
    ("mean", "fault"), [("1.50", True), ("1.01", True), ("1.00", False), ("-0.01", True)]
)
def test_a_mean_outside_the_range_of_a_score_is_named(tmp_path, mean, fault):
    found = {finding.id: finding.verdict for finding in check(index(tmp_path, mean))}
    assert found == ({"range.A.mean": "impossible"} if fault else {"range.means": "possible"})


def test_the_range_is_the_one_of_the_index(tmp_path):
    assert [f.verdict for f in check(index(tmp_path, "1.50", "[0, 100]"))] == ["possible"]


def test_it_is_the_first_to_be_corrected(tmp_path):
    found = audit_published(index(tmp_path, "6.00"))
    assert found.repairs[0].figures == ("A.mean",)


def test_only_what_is_touched_is_looked_at(tmp_path):
    published = index(tmp_path, "1.50")
    assert not list(check(published, frozenset({"B.weight"})))
    assert [f.verdict for f in check(published, frozenset({"B.mean"}))] == ["possible"]
