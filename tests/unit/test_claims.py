"""The figures that README and docs claim for the project's own models are those of the measured tables."""

import csv
import re

import pytest

from ..conftest import ROOT

MEASURED = ROOT / "benchmarks" / "measured"
ROW = re.compile(
    r"^\| (?P<what>[^|]+) \| (?P<before>\.\d{3}) \| (?P<after>\.\d{3})[^|]* \| (?P<rest>[+−]\.\d{3}.*)$", re.M
)
SIGNED = r"[+−]?[01]?\.\d{3}"
INTERVAL = re.compile(rf"({SIGNED}) \[({SIGNED}), ({SIGNED})\] \| (< \.001|[01]?\.\d{{3}})")


def table(name):
    return [row for file in sorted(MEASURED.glob(f"*/{name}.csv")) for row in csv.DictReader(file.open())]


def rounded(value):
    return re.sub(r"^(-?)0", r"\1", f"{float(value):.3f}")


def written(number):
    return number.replace("−", "-").removeprefix("+")


def cell(row):
    return row["collection"], row["language"], row["retriever"]


def baseline_value(row, values):
    """Of a reranker's cell, or of a first stage that rescores the same passages."""
    if row["baseline"] == "none" or row["retriever"] == "pooled":
        return values[(*cell(row), row["baseline"])]
    return values[row["collection"], row["language"], row["baseline"], "none"]


def claims(path):
    return [match.groupdict() for match in ROW.finditer((ROOT / path).read_text(encoding="utf-8"))]


CLAIMS = [claim for path in ("README.md", "docs/training.md") for claim in claims(path)]
"""Rows that claim a difference."""


def test_there_are_claims_in_readme_and_docs():
    assert len(claims("README.md")) >= 3
    assert len(CLAIMS) >= 20


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim["what"])
def test_a_claimed_difference_is_measured_with_the_p_that_stands_beside_it(claim):
    *numbers, p = INTERVAL.match(claim["rest"]).groups()
    difference, low, high = map(written, numbers)
    values = {
        (row["collection"], row["language"], row["retriever"], row["reranker"]): row["value"]
        for row in table("summary")
        if row["measure"] == "nDCG@10"
    }
    found = [
        row
        for row in table("significance")
        if row["family"] in ("baseline", "encoder")
        and [rounded(row[name]) for name in ("difference", "difference_low", "difference_high")]
        == [difference, low, high]
        and rounded(baseline_value(row, values)) == claim["before"]
        and rounded(values[(*cell(row), row["reranker"])]) == claim["after"]
    ]
    assert found, "no such comparison in benchmarks/measured/*/significance.csv"
    measured = [float(row["p_t_holm"]) for row in found]
    assert p in ["< .001" if value < 0.001 else rounded(value) for value in measured]


def test_the_gains_that_the_text_excludes_are_beyond_all_intervals():
    text = " ".join((ROOT / "docs" / "training.md").read_text(encoding="utf-8").split())
    told = re.search(
        r"no interval of these differences reaches a gain of (\.\d+); .* a gain of up to (\.\d+) on Am", text
    )
    rows = table("significance")
    same_model = [row for row in rows if row["family"] in ("thought", "samples") and row["retriever"] == "pooled"]
    assert max(float(row["difference_high"]) for row in same_model) < float(told[1])
    highest = max(float(row["difference_high"]) for row in rows if cell(row) == ("squad-amazon", "eng", "bm25-top20"))
    assert rounded(highest) == told[2]
