"""Measures agree with values worked out by hand and with ir_measures' own command line."""

import math
import random
import re
import subprocess
import sys

import pytest

from rankk.cli import main
from rankk.errors import RankkError
from rankk.evaluation.measures import MEASURES, check_measures, is_count, per_query, relevance_level, total
from rankk.io.runs import ranked
from rankk.io.trec import read_qrels, read_run

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


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nDGC@10", "measure not found: nDGC"),
        ("P", "cutoff is missing"),
        ("nDCG@0", "cutoff 0"),
        ("P@0", "cutoff 0"),
        ("Judged@0", "cutoff 0"),
        ("RR@0", "cutoff 0"),
        ("nDCG@1e3", "cutoff 1000.0"),
        ("nDCG@", "invalid syntax"),
        ("RBP(p=0.8)", "Unsupported measures"),
        ("RBP(p=2)", "invalid param p=2"),
        ("alpha_nDCG@10", "pyndeval"),
        ("NERR8@10", "max_rel is missing"),
        ("IPrec@2", "invalid param recall=2"),
        ("AP(rel=0)", "should be positive"),
        ("Unjudged@0", "greater than 0"),
        ("Unjudged(depth=3)", "Extra inputs"),
    ],
)
def test_a_measure_that_cannot_be_computed_is_an_error_of_one_line_before_any_file_is_read(name, reason, capsys):
    with pytest.raises(RankkError, match=re.escape(reason)) as error:
        check_measures(["nDCG@10", name])
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("measure '")
    assert main(["evaluate", "missing.trec", "--qrels", "missing.qrels", "--measures", name]) == 1
    assert reason in capsys.readouterr().err


def test_what_ir_measures_computes_without_further_packages_is_accepted():
    check_measures(["nDCG", "AP(rel=2)", "Rprec", "Bpref", "infAP", "IPrec@0.2", "SetF", "Success@5", "NumQ"])


def test_measures_of_gdeval_take_queries_of_any_name():
    values = per_query({"q two": ranked(["b", "a"])}, {"q one": {"a": 1}, "q two": {"a": 4}}, ["ERR@10"], ["q two"])
    assert values["ERR@10"]["q two"] == pytest.approx((2**4 - 1) / 2**4 / 2, abs=1e-5)


def test_tied_scores_are_ranked_by_the_rank_column_for_every_measure(tmp_path):
    lines = [f"q1 Q0 {docid} {rank} 1.0 elsewhere\n" for rank, docid in enumerate(("m", "a", "z"), 1)]
    (tmp_path / "run").write_text("".join(lines))
    measures = ["P@1", "RR", "RR@10", "Success@1", "Judged@1", "nDCG@1", "AP"]
    values = per_query(read_run(tmp_path / "run"), {"q1": {"m": 1}}, measures, ["q1"])
    assert {name: value["q1"] for name, value in values.items()} == dict.fromkeys(measures, 1.0)


def test_any_grades_are_evaluated():
    """trec_eval's code crashes where all grades of a query are negative."""
    script = """if True:
    from rankk.evaluation.measures import per_query
    from rankk.io.runs import ranked
    measures = ["nDCG@10", "AP", "Bpref", "infAP", "P@5", "RR", "R@10", "Rprec", "NumRel", "SetF"]
    for grade in (-1, -2, -5):
        qrels = {f"q{i}": {f"d{j}": grade for j in range(1 + i % 20)} for i in range(50)}
        run = {qid: ranked([f"d{j}" for j in range(30)]) for qid in qrels}
        for _ in range(20):
            assert {v for found in per_query(run, qrels, measures, qrels).values() for v in found.values()} == {0}
    """
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    mixed = per_query({"q1": ranked(["a", "b"])}, {"q1": {"a": -2, "b": 1}}, ["RR", "nDCG@10"], ["q1"])
    assert mixed["RR"]["q1"] == 0.5


def test_a_grade_beyond_what_trec_eval_counts_is_refused(tmp_path, capsys):
    (tmp_path / "qrels").write_text("q1 0 a 999999999\n")
    (tmp_path / "run").write_text("q1 Q0 a 1 1 t\n")
    assert main(["evaluate", str(tmp_path / "run"), "--qrels", str(tmp_path / "qrels")]) == 1
    assert "query q1: a judgment of grade 999999999, expected at most 10000; map" in capsys.readouterr().err
    values = per_query({"q1": ranked("ab")}, {"q1": {"a": 10_000, "b": -10_000}}, ["nDCG@10", "AP"], ["q1"])
    assert values == {"nDCG@10": {"q1": 1.0}, "AP": {"q1": 1.0}}


def test_counts_are_summed_over_queries_and_all_else_is_averaged(tmp_path, capsys):
    assert [is_count(name) for name in ("NumQ", "NumRet", "NumRel", "NumRelRet", "nDCG@10", "Unjudged@5")] == [
        *(True, True, True, True, False, False)
    ]
    assert total("NumRel", [3.0, 1.0]) == 4
    assert total("nDCG@10", [0.5, 1.0]) == 0.75
    (tmp_path / "qrels").write_text("".join(f"{q} 0 {d} {g}\n" for q, found in QRELS.items() for d, g in found.items()))
    (tmp_path / "run").write_text("q1 Q0 a 1 2 t\nq1 Q0 c 2 1 t\nq2 Q0 b 1 1 t\n")
    names = ["NumQ", "NumRet", "NumRel", "NumRelRet"]
    assert main(["evaluate", str(tmp_path / "run"), "--qrels", str(tmp_path / "qrels"), "--measures", *names]) == 0
    printed = [line.split("\t")[-1] for line in capsys.readouterr().out.splitlines()]
    assert printed[:4] == ["2", "3", "4", "1"]


def test_counts_of_queries_and_judgments_do_not_depend_on_what_the_run_holds():
    measures = ["NumQ", "NumRel", "NumRet", "NumRelRet"]
    values = per_query({"q1": ranked("ab")}, {"q1": {"a": 2}, "q2": {"b": 1, "c": 2, "d": 0}}, measures, ["q1", "q2"])
    assert (values["NumQ"]["q2"], values["NumRel"]["q2"]) == (1, 2)
    assert (values["NumRet"]["q2"], values["NumRet(rel=1)"]["q2"]) == (0, 0)


def test_the_level_of_relevance_is_that_of_the_first_measure_that_states_one():
    assert relevance_level(["nDCG@10", "R(rel=2)@100", "AP(rel=3)"]) == 2
    assert relevance_level(["nDCG@10", "R@100"]) == 1


def test_the_share_of_unjudged_passages():
    values = per_query({"q1": ranked(["a", "x", "b"])}, QRELS, ["Unjudged@2", "Unjudged"], ["q1", "q2"])
    assert values["Unjudged@2"] == {"q1": 0.5, "q2": 0.0}
    assert values["Unjudged"]["q1"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("name", MEASURES.names())
def test_every_measure_of_rankk_gives_a_number_for_every_ranking_and_survives_its_own_name(name):
    (measure,) = per_query({}, {"q": {"a": 1}}, [f"{name}@3"], ["q"])
    assert measure == f"{name}@3"
    for docids in ([], ["a"], ["a", "b", "c", "d"]):
        values = per_query({"q": ranked(docids)}, {"q": {"a": 1, "d": -1}}, [measure], ["q"])
        assert math.isfinite(values[measure]["q"])


def test_topics_without_judgments_are_an_error():
    with pytest.raises(RankkError, match="none of the topics has judgments"):
        per_query({}, QRELS, ["RR"], ["other"])


@pytest.mark.parametrize("seed", range(3))
def test_values_equal_those_of_ir_measures_whatever_the_order_of_lines(tmp_path, capsys, seed):
    draw, measures = random.Random(seed), ["nDCG@10", "R@100", "RR@10", "AP", "P@5"]
    docids = [f"d{i}" for i in range(60)]
    run = [
        f"q{q} Q0 {docid} {rank} {draw.random()} tag\n"
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
