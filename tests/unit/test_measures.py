"""Measures agree with values worked out by hand and with ir_measures' own command line."""

import math
import random
import subprocess
import sys

import pytest

from rankk.cli import main
from rankk.errors import RankkError
from rankk.evaluation.measures import per_query
from rankk.io.trec import ranked, read_qrels, read_run

QRELS = {"q1": {"a": 3, "b": 2, "c": 0, "d": 1}, "q2": {"a": 1}}


def test_ndcg_of_a_small_ranking():
    gained = 2 / math.log2(2) + 3 / math.log2(3) + 1 / math.log2(5)  # order b, a, x, d
    ideal = 3 / math.log2(2) + 2 / math.log2(3) + 1 / math.log2(4)
    values = per_query({"q1": ranked(["b", "a", "x", "d"])}, QRELS, ["nDCG@10", "RR@10", "R@2"], ["q1"])
    assert values["nDCG@10"]["q1"] == pytest.approx(gained / ideal)
    assert values["RR@10"]["q1"] == 1.0
    assert values["R@2"]["q1"] == pytest.approx(2 / 3)


def test_a_missing_query_counts_nothing_and_an_unjudged_one_is_left_out():
    values = per_query({"q1": ranked(["a"]), "q9": ranked(["a"])}, QRELS, ["RR@10"], ["q1", "q2", "q9"])
    assert values["RR@10"] == {"q1": 1.0, "q2": 0.0}


def test_an_unknown_measure_is_named():
    with pytest.raises(RankkError, match="'nDCG_at_10'"):
        per_query({}, QRELS, ["nDCG_at_10"], ["q1"])


def test_topics_without_judgments_are_an_error():
    with pytest.raises(RankkError, match="none of the topics has judgments"):
        per_query({}, QRELS, ["RR"], ["other"])


@pytest.mark.parametrize("seed", range(3))
def test_values_equal_those_of_ir_measures_whatever_the_order_of_lines_and_ties(tmp_path, capsys, seed):
    draw, measures = random.Random(seed), ["nDCG@10", "R@100", "RR@10", "AP", "P@5"]
    docids = [f"d{i}" for i in range(60)]
    run = [
        f"q{q} Q0 {docid} {rank} {draw.choice((1.0, 2.0, 2.5, draw.random()))} tag\n"
        for q in range(8)
        for rank, docid in enumerate(draw.sample(docids, 40), 1)
    ]
    draw.shuffle(run)
    (tmp_path / "run").write_text("".join(run))
    lines = [f"q{q} 0 {docid} {draw.randint(0, 3)}\n" for q in range(7) for docid in draw.sample(docids, 20)]
    (tmp_path / "qrels").write_text("".join(lines))
    files = [str(tmp_path / "qrels"), str(tmp_path / "run")]
    command = [sys.executable, "-m", "ir_measures", *files, *measures, "-q", "-n"]
    theirs = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    expected = {tuple(line.split("\t")[:2]): line.split("\t")[2] for line in theirs.splitlines()}
    values = per_query(read_run(files[1]), read_qrels(files[0]), measures, [f"q{q}" for q in range(8)])
    ours = {(qid, name): f"{value:.4f}" for name, found in values.items() for qid, value in found.items()}
    assert ours == expected
    assert main(["evaluate", files[1], "--qrels", files[0], "--measures", "nDCG@10"]) == 0
    mean = sum(values["nDCG@10"].values()) / 7
    assert f"all\tnDCG@10\t{mean:.4f}" in capsys.readouterr().out
