"""`citygauge audit` says what cannot be, in both languages, and writes a report that a layman can read."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from subprocess import run

import pytest

from citygauge.audit.audit import audit_published
from citygauge.audit.findings import Certificate
from citygauge.audit.read import read_published
from citygauge.report.audit_document import audit_document
from citygauge.report.book.document import Figure, Grid, plain, spans_in

INDEX = """
title_zh = "示例指数"
title_en = "Example index"
rounding = {step = "0.01", rule = "half_up"}
[overall]
mean = 0.70
[[pillar]]
code = "A"
name_zh = "甲"
name_en = "First"
weight = 0.5
mean = 0.80
[[pillar]]
code = "B"
name_zh = "乙"
name_en = "Second"
weight = 0.5
mean = 0.57
"""


@pytest.fixture
def index(tmp_path):
    path = tmp_path / "index.toml"
    path.write_text(INDEX, encoding="utf-8")
    return path


def told(*args, lang="en"):
    command = [sys.executable, "-m", "citygauge", "--lang", lang, "audit", *map(str, args)]
    return run(command, capture_output=True, text=True, encoding="utf-8", check=False, timeout=120)


def test_an_impossible_mean_is_told_with_its_correction(index):
    # 0.5 × [0.795, 0.805) + 0.5 × [0.565, 0.575) = [0.68, 0.69), and 0.70 prints from 0.695 on
    done = told(index)
    assert done.returncode == 0, done.stderr
    assert "parent.overall" in done.stdout
    assert "0.68 to just under 0.69" in done.stdout
    assert "Most likely corrections" in done.stdout


def test_the_two_languages_say_the_same(index):
    zh = told(index, lang="zh").stdout
    assert "不可能" in zh
    assert "0.68" in zh
    assert not re.search(r"[a-z]{4,} [a-z]{3,}", re.sub(r"\[.*?\]", "", zh))


def test_json_has_the_shape_of_the_contract(index):
    found = json.loads(told(index, "--json").stdout)
    finding = next(f for f in found["findings"] if f["id"] == "parent.overall")
    assert finding.keys() >= {
        "id", "claim", "verdict", "bounds", "figures", "certificate", "severity", "text_zh", "text_en",
    }  # fmt: skip
    assert finding["verdict"] == "impossible"
    assert {figure["id"] for figure in finding["figures"]} >= {"overall.mean", "A.mean", "B.mean"}
    assert [repair["rank"] for repair in found["repairs"]] == list(range(1, len(found["repairs"]) + 1))
    assert found["counts"]["impossible"] == 1


def test_every_proof_of_an_impossibility_adds_up(index):
    found = audit_published(read_published(index))
    certificates = [finding.certificate for finding in found.impossible]
    assert certificates
    assert all(isinstance(one, Certificate) and one.holds() for one in certificates)


def test_a_file_with_problems_ends_with_code_2_and_all_of_them(tmp_path):
    (tmp_path / "bad.toml").write_text('[overall]\nmeen = 1\nsd = "x"\n', encoding="utf-8")
    done = told(tmp_path / "bad.toml")
    assert done.returncode == 2
    assert "published.unknown-key" in done.stderr
    assert "published.bad-value" in done.stderr


def test_the_report_is_written_in_every_format_and_both_languages(index, tmp_path):
    done = told(index, "--report", "--out", tmp_path / "out", "--json")
    assert done.returncode in (0, 3), done.stderr
    names = {Path(path).name for path in json.loads(done.stdout)["files"]}
    assert names >= {"audit.zh.html", "audit.en.html", "audit.zh.docx", "audit.en.docx", "audit.json"}
    page = (tmp_path / "out" / "audit.zh.html").read_text(encoding="utf-8")
    assert "示例指数" in page
    assert "不可能成立的内容" in page


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_report_has_a_picture_and_a_proof_for_what_cannot_be(index, language):
    document = audit_document(audit_published(read_published(index)), language)
    pictures = [block for block in document.blocks if isinstance(block, Figure)]
    assert any(row["is_claimed"] and row["text"] == "[0.695, 0.705)" for row in pictures[0].rows)
    assert any(row["text"] == "[0.68, 0.69)" for row in pictures[0].rows)
    proofs = [block for block in document.blocks if isinstance(block, Grid) and block.key.startswith("proof")]
    assert len(proofs) == 1
    text = "".join(plain(spans) for block in document.blocks for spans in spans_in(block))
    assert "{" not in text


def test_the_published_report_of_2021_is_judged_as_its_figures_imply(reference):
    found = audit_published(read_published(reference("smart-2021") / "published.toml"))
    assert [finding.id for finding in found.impossible] == ["parent.overall"]
    conditions = {finding.id for finding in found.findings if finding.verdict == "only_if"}
    assert conditions >= {"weights.A", "weights.S"}
    first = found.repairs[0]
    assert first.figures == ("A.mean",)
    assert [repair.figures for repair in found.repairs if repair.touches] == [("S.mean",)]
