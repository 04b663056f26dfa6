"""A first stage that was made elsewhere."""

import gzip
import json
from pathlib import Path

import pytest

from rankk.errors import RankkError
from rankk.io.candidates import read_any_run
from rankk.io.passages import build_store
from rankk.io.runs import Hit
from rankk.io.trec import read_metadata, read_run, write_run
from rankk.retrievers.run import PublishedRun


@pytest.fixture
def inputs(tmp_path):
    with build_store(tmp_path / "passages.jsonl") as add:
        for docid in ("a", "b", "c"):
            add(docid, "text")
    (tmp_path / "queries.tsv").write_text("q2\ttwo\nq1\tone\n")
    (tmp_path / "excluded.tsv").write_text("q1\tb\n")
    names = {"run": "run", "passages": "passages.jsonl", "queries": "queries.tsv", "excluded": "excluded.tsv"}
    return {name: str(tmp_path / file) for name, file in names.items()}


def retrieve(inputs, output):
    PublishedRun(path=inputs["run"]).retrieve(inputs, output, threads=1, tag="t")


def test_it_keeps_the_collections_queries_without_excluded_passages_and_the_runs_metadata(inputs, tmp_path):
    run = {"q1": [Hit("a", 3.0), Hit("b", 2.0), Hit("c", 1.0)], "q2": [Hit("c", 1.0)], "q9": [Hit("z", 1.0)]}
    write_run(inputs["run"], run, "theirs", {"method": {"name": "plaid-x"}})
    retrieve(inputs, tmp_path / "none.trec")
    found = {qid: [hit.docid for hit in hits] for qid, hits in read_run(tmp_path / "none.trec").items()}
    assert found == {"q2": ["c"], "q1": ["a", "c"]}
    assert list(found) == ["q2", "q1"]
    assert read_metadata(tmp_path / "none.trec") == {"method": {"name": "plaid-x"}}


REQUESTS = [
    {"query": {"text": "two", "qid": 2}, "candidates": [{"docid": 7, "score": 1.5, "doc": {"contents": "x"}}]},
    {"query": {"text": "one", "qid": "q1"}, "candidates": [{"docid": "a b", "score": 1}, {"docid": "c", "score": 2}]},
]
RANKED = {"2": ["7"], "q1": ["c", "a_b"]}
FIRST_YEAR = [{"query": r["query"]["text"], "hits": [c | r["query"] for c in r["candidates"]]} for r in REQUESTS]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("r.jsonl", "\n".join(map(json.dumps, REQUESTS))),
        ("r.json", json.dumps(REQUESTS, indent=2)),
        ("hits.json", json.dumps(FIRST_YEAR)),
        ("score.json", json.dumps({"2": {"7": 1.5}, "q1": {"a b": 1, "c": 2}})),
    ],
)
def test_results_in_json_are_read_as_a_run(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
    for path in (tmp_path / name, tmp_path / f"{name}.gz"):
        assert {qid: [hit.docid for hit in hits] for qid, hits in read_any_run(path).items()} == RANKED


def test_a_first_stage_is_made_of_results_in_json(inputs, tmp_path):
    request = {
        "query": {"text": "one", "qid": "q1"},
        "candidates": [{"docid": d, "score": 3 - n} for n, d in enumerate("cba")],
    }
    Path(tmp_path / "r.jsonl").write_text(json.dumps(request))
    retrieve(inputs | {"run": str(tmp_path / "r.jsonl")}, tmp_path / "none.trec")
    assert [hit.docid for hit in read_run(tmp_path / "none.trec")["q1"]] == ["c", "a"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("r.jsonl", '{"query": {"qid": "q"}}', r"r\.jsonl:1: expected .*candidates"),
        ("r.json", '[{"query": {"qid": "q"}, "candidates": [{"docid": "a"}]}]', r"r\.json: record 1: expected"),
        ("r.json", '{"q": [1]}', r"r\.json: query q: expected {docid: score}, found list"),
        ("r.json", '{"q": {"a": ' + "9" * 400 + "}}", r"r\.json: query q: score 9+: expected a finite number"),
        ("r.json", '{"q": {"a": "9"}}', r"r\.json: query q: score '9': expected a finite number"),
        ("r.json", '{"q": {"a b": 1, "a_b": 1}}', "query q holds a passage twice"),
        ("r.json", "3", "expected a list or"),
        ("r.jsonl", "", "holds no query"),
        ("r.jsonl", "\n".join([json.dumps(REQUESTS[0])] * 2), r"r\.jsonl:2: query 2 stands twice"),
    ],
)
def test_json_that_is_no_run_is_named(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(RankkError, match=message):
        read_any_run(tmp_path / name)


def test_passages_that_the_corpus_does_not_hold_are_named(inputs, tmp_path):
    write_run(inputs["run"], {"q1": [Hit("a", 3.0), Hit("z", 2.0)]}, "theirs")
    with pytest.raises(RankkError, match=r"run: 1 passages are not in the corpus, e\.g\. z \(query q1\)"):
        retrieve(inputs, tmp_path / "none.trec")
    assert not (tmp_path / "none.trec").exists()
