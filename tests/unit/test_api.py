"""`from rankk import rerank, evaluate, compare`: in memory, in a notebook, with data frames."""

import asyncio
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from rankk import compare, evaluate, rerank
from rankk.errors import RankkError
from rankk.io.trec import read_run
from rankk.reranking.engine import QueriesFailed

from ..conftest import ROOT
from ..fake_server import FakeServer
from ..synthetic import write

DOCIDS = [f"d{i}" for i in range(6)]
PASSAGES = {docid: f"passage {docid}" for docid in DOCIDS}
QUERIES = {"q1": "first question", "q2": "second question"}
RUN = {"q1": [(docid, 9.0 - i) for i, docid in enumerate(DOCIDS)], "q2": [("d5", 2.5), ("d4", 1.5)]}
FRAME = pd.DataFrame(
    [(qid, docid, score, rank) for qid, hits in RUN.items() for rank, (docid, score) in enumerate(hits)],
    columns=["qid", "docno", "score", "rank"],
)
GRADES = {"q1": {"d5": 2, "d0": 1}, "q2": {"d4": 1}}


@pytest.fixture
def server():
    with FakeServer() as running:
        yield running


def settings(server, **changes):
    backend = {"backend": "openai", "base_url": server.url, "model": "fake"}
    return backend | {"preset": "listwise", "window": 4, "stride": 2, "depth": 5} | changes


def order(run):
    return {qid: [docid for docid, _ in hits] for qid, hits in run.items()}


def test_a_run_is_reranked_to_its_depth_with_outcomes_and_tokens(server):
    result = rerank(RUN, QUERIES, PASSAGES, reranker=settings(server))
    assert {qid: sorted(docids) for qid, docids in order(result.run).items()} == {"q1": DOCIDS, "q2": ["d4", "d5"]}
    assert order(result.run)["q1"][5] == "d5"  # beyond the depth
    assert result.outcomes == {"ok": 3}
    assert result.tokens == {"prompt": 30, "output": 15}
    assert [(call.qid, call.call, call.rank, call.size, call.list_size) for call in result.calls] == [
        ("q1", 0, 2, 4, 5),
        ("q1", 1, 1, 3, 5),
        ("q2", 0, 1, 2, 2),
    ]
    assert result.seconds > 0
    assert len(server.asked) == 3


def test_in_memory_the_run_is_that_of_the_command_line(tmp_path, server):
    inputs = write(tmp_path, queries=3, depth=8)
    command = [sys.executable, "-m", "rankk", "rerank", *inputs, f"--output={tmp_path / 'o.trec'}", "--depth=8"]
    command += ["--backend=openai", f"--base-url={server.url}", "--model=fake", "--window=4", "--stride=2"]
    subprocess.run(command, check=True, capture_output=True)
    texts = {f"d{i}": f"passage number {i} tells of subject {i % 7}" for i in range(8)}
    queries = {f"q{i}": f"subject {i}" for i in range(3)}
    result = rerank(read_run(tmp_path / "first.trec"), queries, texts, reranker=settings(server, depth=8))
    assert order(result.run) == order(read_run(tmp_path / "o.trec"))


def test_it_works_where_an_event_loop_is_running_and_in_a_thread(server):
    expected = rerank(RUN, QUERIES, PASSAGES, reranker=settings(server)).run

    async def notebook():
        return rerank(RUN, QUERIES, PASSAGES, reranker=settings(server)).run

    assert asyncio.run(notebook()) == expected
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(rerank, RUN, QUERIES, PASSAGES, reranker=settings(server)).result().run == expected


def test_frames_go_in_and_out_as_a_pyterrier_transformer(server):
    frame = FRAME.assign(query=FRAME["qid"].map(QUERIES), text=FRAME["docno"].map(PASSAGES)).sample(
        frac=1, random_state=1
    )
    out = rerank(frame, reranker=settings(server)).to_pandas()
    assert list(out.columns) == ["qid", "query", "docno", "score", "rank"]
    assert out.groupby("qid")["rank"].apply(list).to_dict() == {"q1": list(range(6)), "q2": [0, 1]}
    assert (out.groupby("qid")["score"].diff().dropna() < 0).all()
    assert out.set_index("qid")["query"].to_dict() == QUERIES
    assert order(rerank(out, passages=PASSAGES, reranker=settings(server)).run).keys() == RUN.keys()  # and in again


def test_a_frame_is_ordered_by_score_and_tied_scores_by_rank(server):
    frame = pd.DataFrame({"qid": 7, "docno": ["d2", "d1", "d0"], "score": [1.0, 1.0, 5.0], "rank": [2, 1, 0]})
    rerank(frame, {"7": "which?"}, PASSAGES, reranker=settings(server))
    (prompt,) = server.asked
    assert [prompt.index(f"passage d{i}") for i in range(3)] == sorted(prompt.index(f"passage d{i}") for i in range(3))


def test_a_journal_makes_no_call_twice_and_is_not_needed(tmp_path, server):
    journal = tmp_path / "calls.jsonl"
    first = rerank(RUN, QUERIES, PASSAGES, reranker=settings(server), journal=journal)
    assert rerank(RUN, QUERIES, PASSAGES, reranker=settings(server), journal=journal).run == first.run
    assert len(server.asked) == 3
    rerank(RUN, QUERIES, PASSAGES, reranker=settings(server))
    assert len(server.asked) == 6
    assert [path.name for path in tmp_path.iterdir()] == ["calls.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"run": FRAME.drop(columns="docno")},
            "run: column 'docno' is missing; expected qid, docno, score",
        ),
        ({"run": FRAME.assign(score=float("nan"))}, "run: query q1: score nan; expected a number"),
        ({"run": RUN | {"q1": [("d1", 2), ("d1", 1)]}}, "run: query q1 holds a passage twice"),
        ({"run": {"q1": ["d10", "d20"]}}, r"run: query q1: \['d10', 'd20'\]; expected pairs of passage id and score"),
        ({"run": [("q1", "d1", 1.0)]}, "run: .*; expected a mapping by query, or a data frame"),
        ({"queries": ["q1"]}, r"queries: \['q1'\]; expected texts by id"),
        ({"queries": QUERIES | {"q1": None}}, "queries: q1: None; expected a text"),
        ({"reranker": "rank-k"}, "reranker: 'rank-k'; expected settings"),
        ({"queries": {"q1": "?"}}, "queries: 1 of the run are missing, e.g. q2"),
        ({"queries": None}, "queries: missing; expected texts by id, or a data frame as run with a column 'query'"),
        ({"queries": None, "run": FRAME}, "run: column 'query' is missing"),
        ({"passages": {"d0": "text"}}, "passages: 5 of the run are missing, e.g. d1, d2, d3"),
        ({"reranker": {"preset": "rank-j"}}, "rank-j"),
        ({"reranker": {"windows": 3}}, "windows"),
    ],
)
def test_a_wrong_argument_is_named_before_any_call(server, arguments, message):
    given = {"run": RUN, "queries": QUERIES, "passages": PASSAGES, "reranker": settings(server)} | arguments
    with pytest.raises(RankkError, match=message) as caught:
        rerank(**given)
    assert "\n" not in str(caught.value)
    assert server.asked == []


def test_a_failing_query_is_an_error_that_holds_the_run_of_the_others(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"qid": "q2", "call": 0, "response": "[2] > [1]"}\n')
    replay = {"backend": "replay", "responses": str(tmp_path / "a.jsonl"), "window": 4, "stride": 2, "depth": 5}
    with pytest.raises(QueriesFailed, match=r"1 of 2 queries failed \(q1\)") as caught:
        rerank(RUN, QUERIES, PASSAGES, reranker=replay)
    assert order(caught.value.run) == {"q2": ["d4", "d5"]}


@pytest.mark.parametrize("frames", [False, True])
def test_runs_are_evaluated_over_all_judged_queries(frames):
    qrels = GRADES | {"q3": {"d1": 1}}
    if frames:
        rows = [(qid, docid, grade) for qid, grades in qrels.items() for docid, grade in grades.items()]
        qrels = pd.DataFrame(rows, columns=["qid", "docno", "label"])
    result = evaluate(FRAME if frames else RUN, qrels, ["RR@10", "P@1"])
    assert result.values == {"RR@10": {"q1": 1.0, "q2": 0.5, "q3": 0.0}, "P@1": {"q1": 1.0, "q2": 0.0, "q3": 0.0}}
    assert result.means == {"RR@10": 0.5, "P@1": pytest.approx(1 / 3)}
    assert result.to_pandas().query("measure == 'RR@10'").set_index("qid")["value"].to_dict() == result.values["RR@10"]
    assert evaluate(RUN, GRADES, ["RR@10"], queries=["q2"]).means == {"RR@10": 0.5}


@pytest.mark.parametrize("frames", [False, True])
@pytest.mark.parametrize(
    ("grade", "told"),
    [
        (0.5, "query q1, passage d1: grade 0.5; expected a whole number"),
        (float("nan"), "query q1: grade nan; expected a number"),
        ("high", "query q1: grade 'high'; expected a number"),
        (10**6, "query q1: a judgment of grade 1000000, expected at most 10000"),
    ],
)
def test_a_grade_that_no_measure_could_count_is_refused_and_not_rounded(grade, told, frames):
    qrels = pd.DataFrame({"qid": ["q1"], "docno": ["d1"], "label": [grade]}) if frames else {"q1": {"d1": grade}}
    with pytest.raises(RankkError, match=told):
        evaluate(RUN, qrels, ["nDCG@10"])


@pytest.mark.parametrize("grade", [2.0, True, "2", np.int64(2)])
def test_whole_grades_are_taken_however_they_are_written(grade):
    assert evaluate(RUN, {"q1": {RUN["q1"][0][0]: grade}}, ["nDCG@10"]).means == {"nDCG@10": 1.0}


def test_runs_are_compared(server):
    better = {"q1": [("d5", 3.0), ("d0", 2.0)], "q2": [("d4", 1.0)]}
    result = compare(better, FRAME, GRADES, "RR@10")
    assert (result.values, result.baseline) == ({"q1": 1.0, "q2": 1.0}, {"q1": 1.0, "q2": 0.5})
    assert (result.statistics["difference"], result.statistics["wins"]) == (0.25, 1)
    assert result.to_pandas()["difference"].tolist() == [0.0, 0.5]
    with pytest.raises(RankkError, match="nDCGG"):
        compare(RUN, RUN, GRADES, "nDCGG@10")


def test_a_run_may_be_scores_by_passage():
    scores = {qid: dict(hits) for qid, hits in RUN.items()}
    assert evaluate(scores, GRADES, ["nDCG@10"]).means == evaluate(RUN, GRADES, ["nDCG@10"]).means


def test_the_documented_lines_run_as_they_stand(server):
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict = {}
    exec(code.replace("http://127.0.0.1:8000/v1", server.url).replace('"rank-k"', '"rank-k", "model": "fake"'), names)
    assert names["result"].outcomes == {"ok": 1}
    frame = names["result"].to_pandas()
    pipeline = re.findall(r"generic\((lambda .*)\)\n", text)[0]  # PyTerrier calls it with a frame
    assert eval(pipeline, names)(frame).columns.tolist() == frame.columns.tolist()


def test_neither_import_nor_a_server_needs_torch_or_pandas(server):
    program = f"""
import sys, rankk
light = [m for m in ("pydantic", "httpx", "numpy", "pandas", "asyncio") if m in sys.modules]
assert not light, light
result = rankk.rerank({RUN!r}, {QUERIES!r}, {PASSAGES!r}, reranker={settings(server)!r})
assert sum(result.outcomes.values()) == 3
heavy = [m for m in ("torch", "vllm", "transformers", "pandas", "matplotlib") if m in sys.modules]
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", program], check=True)
