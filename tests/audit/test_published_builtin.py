"""The 2021 report as data: what is printed stands there, and the audit finds what does not fit."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from citygauge.audit.audit import audit_published
from citygauge.audit.figures import Interval
from citygauge.audit.findings import Audit, Finding
from citygauge.audit.published import Ordering, Published, Relation, Statement
from citygauge.audit.read import builtin_published, builtin_published_names

LOOSE = {
    "ordering.grade-leading", "ordering.grade-exploring", "statement.annex-rows",
    "statement.management-items", "statement.most-in-early-stage", "statement.openness-lowest-of-all",
}  # fmt: skip


@pytest.fixture(scope="module")
def published() -> Published:
    return builtin_published("smart-2021")


@pytest.fixture(scope="module")
def audit(published: Published) -> Audit:
    return audit_published(published)


def found(audit: Audit, name: str) -> Finding:
    return next(finding for finding in audit.findings if finding.id == name)


def test_the_report_is_built_in() -> None:
    assert "smart-2021" in builtin_published_names()


@pytest.mark.parametrize(
    ("figure", "printed"),
    [
        ("overall.mean", "0.70"), ("overall.sd", "0.11"), ("units.n", "50"), ("overall.count", "52"),
        ("S.weight", "0.30"), ("A.mean", "0.80"), ("R.mean", "0.47"), ("T2.mean", "0.89"),
        ("T4.mean", "0.38"), ("A1.mean", "0.53"), ("S2.mean", "0.63"), ("S2.sd", "0.25"), ("A2.sd", "0.07"),
        ("R1.sd", "> 0.3"), ("M2.sd", "< 0.15"), ("group.珠三角.mean", "0.79"),
        ("group.各经济规模组.sd", "< 0.1"), ("grade.先锋城市.share", "0.34"),
        ("relation.gap-technology", "0.51"),
    ],
)  # fmt: skip
def test_a_figure_stands_as_it_is_printed(published: Published, figure: str, printed: str) -> None:
    assert published.figures[figure].printed() == printed


def test_weights_and_counts_are_exact_and_means_have_two_places(published: Published) -> None:
    step = {key: figure.step for key, figure in published.figures.items()}
    assert {step[f"{code}.weight"] for code in "SMART"} == {Decimal(0)}
    assert step["units.n"] == step["grade.领军城市.n"] == 0
    assert {step[key] for key in step if key.endswith((".mean", ".share"))} == {Decimal("0.01")}
    assert {published.figures[key].rule for key in step if key.endswith(".mean")} == {"unknown"}


def test_five_pillars_have_sixteen_dimensions_and_fifty_two_indicators(published: Published) -> None:
    assert published.children("overall") == ("S", "M", "A", "R", "T")
    dimensions = [child for code in "SMART" for child in published.children(code)]
    assert len(dimensions) == 16
    assert sum(published.nodes[code].indicators or 0 for code in dimensions) == 52


def test_the_lists_of_grades_have_eight_seventeen_and_twenty_five_of_fifty(published: Published) -> None:
    assert [len(grade.members or ()) for grade in published.grades] == [8, 17, 25]
    assert {unit for grade in published.grades for unit in grade.members or ()} == set(published.units)
    assert len(published.units) == 50
    assert (published.grades[0].members or ())[:3] == ("北京", "上海", "杭州")


def test_the_ranges_of_grades_meet_at_the_printed_limits(published: Published) -> None:
    ends = [Fraction(7, 10), Fraction(85, 100)]
    assert [grade.range for grade in published.grades] == [
        Interval(ends[1]), Interval(ends[0], ends[1], high_open=True), Interval(high=ends[0], high_open=True),
    ]  # fmt: skip


def test_everything_said_in_words_is_given_in_both_languages_with_its_place(published: Published) -> None:
    every: list[Statement | Ordering | Relation] = [*published.statements, *published.orderings]
    for said in [*every, *published.relations]:
        assert said.text_zh, said.id
        assert said.text_en, said.id
        assert said.where, said.id
    assert all(figure.name_zh and figure.name_en for figure in published.figures.values())
    assert all(grade.name_en != grade.name_zh for grade in published.grades)


def test_what_statements_speak_of_is_printed(published: Published) -> None:
    named = {key for said in published.statements for key in (*said.of, *said.against)}
    nodes = {key for key in named if key.removesuffix(".mean") in published.nodes}
    assert named - nodes <= set(published.figures)
    assert {key for relation in published.relations for key in relation.of} <= set(published.figures)


def test_every_number_agrees_with_the_short_transcription(
    published: Published, reference: Callable[[str], Path]
) -> None:
    short = tomllib.loads(
        reference("smart-2021/published.toml").read_text(encoding="utf-8"), parse_float=Decimal
    )
    code = {node.name_zh: node.code for node in published.nodes.values()}
    expected: dict[str, Any] = {
        "overall.mean": short["overall"]["mean"],
        "overall.sd": short["overall"]["sd"],
    }
    for pillar in short["pillar"]:
        expected |= {f"{pillar['code']}.{what}": pillar[what] for what in ("mean", "weight")}
    expected |= {f"{code[name]}.mean": value for name, value in short["dimension_means"].items()}
    expected |= {f"{code[name]}.sd": value for name, value in short["dimension_sd"].items()}
    expected |= {f"group.{name}.mean": value for name, value in short["group_means"].items()}
    for grade in short["grade"]:
        expected |= {f"grade.{grade['name_zh']}.{what}": grade[what] for what in ("n", "share")}
    assert {key: published.figures[key].value for key in expected} == expected


def test_cities_stand_in_the_printed_lists_and_order(
    published: Published, reference: Callable[[str], Path]
) -> None:
    with reference("smart-2021/cities.csv").open(encoding="utf-8") as file:
        cities = list(csv.DictReader(file))
    for grade in published.grades:
        own = sorted(
            (c for c in cities if c["report_tier"] == grade.name), key=lambda c: int(c["report_tier_order"])
        )
        assert grade.members == tuple(city["city_zh"] for city in own)
        assert grade.members in {ordering.units for ordering in published.orderings}
    circles = [group for group in published.groups if group.kind == "economic_circle"]
    for circle in circles:
        readings = {"economic_circle": circle.members, "economic_circle_core": circle.members}
        readings |= dict.fromkeys(
            ["economic_circle_core"] if circle.readings else [], *circle.readings.values()
        )
        for column, members in readings.items():
            assert set(members or ()) == {city["city_zh"] for city in cities if city[column] == circle.name}
    for city in cities:
        facts = published.units[city["city_zh"]].facts
        assert facts["gdp"] == Decimal(city["gdp_2020_yi_yuan"])
        assert facts["gdp_rank"] == int(city["gdp_2020_rank"])


def test_the_overall_mean_is_the_only_grave_contradiction(audit: Audit) -> None:
    assert [f.id for f in audit.findings if f.severity == "high"] == ["parent.overall"]
    finding = found(audit, "parent.overall")
    # 0.3 × 0.73 + 0.2 × 0.79 + 0.25 × 0.80 + 0.15 × 0.47 + 0.1 × 0.67 = 0.7145, each mean ± 0.005.
    assert Interval(Fraction(7095, 10000), Fraction(7195, 10000)) in [
        b.interval.closed for b in finding.bounds
    ]
    assert finding.certificate is not None
    assert finding.certificate.holds()


def test_what_is_impossible_besides_are_lists_and_words(audit: Audit) -> None:
    others = {f.id: f.severity for f in audit.findings if f.verdict == "impossible" and f.severity != "high"}
    assert set(others) == LOOSE
    assert [name for name, severity in others.items() if severity == "medium"] == [
        "statement.openness-lowest-of-all"
    ]


@pytest.mark.parametrize(
    ("name", "child", "low", "high"),
    [
        # 0.80 w + 0.63 (1 − w) prints as 0.73 from (0.725 − 0.635) / 0.17 to (0.735 − 0.625) / 0.17.
        ("weights.S", "数字服务", Fraction(9, 17), Fraction(11, 17)),
        # 0.535 w + 0.825 (1 − w) reaches 0.795 up to w = 0.03 / 0.29.
        ("weights.A", "平台开放度", Fraction(0), Fraction(3, 29)),
    ],
)
def test_unpublished_weights_must_be_unusual(
    audit: Audit, name: str, child: str, low: Fraction, high: Fraction
) -> None:
    finding = found(audit, name)
    assert (finding.verdict, finding.severity) == ("only_if", "medium")
    ends = [bound.interval.closed for bound in finding.bounds if child in bound.what_zh]
    assert Interval(low, high) in ends


def test_three_places_of_the_lists_do_not_follow_the_note(audit: Audit) -> None:
    texts = [found(audit, f"ordering.grade-{name}").text_zh for name in ("leading", "exploring")]
    assert "杭州在广州之前" in texts[0]
    assert "洛阳在徐州之前" in texts[1]
    assert "漳州在泉州之前" in texts[1]
    moved = [found(audit, f"ordering.grade-{n}").bounds[0].interval.low for n in ("leading", "exploring")]
    assert moved == [1, 2]
    assert found(audit, "ordering.grade-pioneering").verdict == "possible"


def test_words_that_the_figures_do_not_bear_out_are_found(audit: Audit) -> None:
    verdicts = {
        "statement.services-close-to-080": "only_if", "statement.management-close-to-080": "possible",
        "statement.integration-security-above-platform": "only_if", "statement.rises-with-gdp": "only_if",
        "statement.openness-lowest-of-platform": "possible", "statement.openness-lowest-of-all": "impossible",
        "statement.most-in-early-stage": "impossible", "statement.jingjinji-level": "possible",
        "spread.groups.gdp": "only_if",
    }  # fmt: skip
    assert {name: found(audit, name).verdict for name in verdicts} == verdicts


def test_names_that_stand_twice_are_named(audit: Audit) -> None:
    assert "数字城管" in found(audit, "statement.management-items").text_zh
    assert "产业生态" in found(audit, "statement.annex-rows").text_zh


def test_the_lists_of_leading_cities_go_against_no_figure(audit: Audit) -> None:
    for name in ("management", "platform", "technology"):
        assert found(audit, f"ordering.leads-{name}").verdict == "possible"
    assert "Suzhou" in found(audit, "ordering.leads-platform").text_en
    assert "Nanjing" in found(audit, "ordering.leads-technology").text_en


def test_every_finding_is_told_in_both_languages(audit: Audit) -> None:
    assert len({finding.id for finding in audit.findings}) == len(audit.findings)
    for finding in audit.findings:
        assert all((finding.claim_zh, finding.claim_en, finding.text_zh, finding.text_en)), finding.id
        assert "{" not in finding.text_zh + finding.text_en


def test_words_without_figures_are_kept_as_such(audit: Audit, published: Published) -> None:
    words = [s.id for s in published.statements if s.kind == "words"]
    assert "jingjinji-needs-to-rise" in words
    assert "management-items-level" in words
    assert {found(audit, f"statement.{name}").verdict for name in words} == {"not_checkable"}


def test_the_mean_of_the_platform_pillar_is_the_likeliest_fault(audit: Audit) -> None:
    first = audit.repairs[0]
    assert first.figures == ("A.mean",)
    # (0.53 + 0.80 + 0.82 + 0.72) ÷ 4 = 0.7175
    assert first.values == (Decimal("0.72"),)
