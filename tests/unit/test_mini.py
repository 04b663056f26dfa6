"""The embedded collection is what its README says, and leaves a reranker room."""

import json

import pytest

from rankk.evaluation.measures import per_query
from rankk.io.trec import read_qrels, read_queries, read_run
from rankk.retrievers.lucene import Search, index_bm25, search_bm25

from ..conftest import ROOT

MINI = ROOT / "resources" / "mini"


def test_the_collection_has_its_size():
    assert len((MINI / "passages.jsonl").read_text().splitlines()) >= 240
    assert len(read_queries(MINI / "queries.eng.tsv")) == 40


def test_every_topic_has_queries_in_four_languages_and_grades_from_0_to_3():
    topics = [read_queries(MINI / f"queries.{language}.tsv").keys() for language in ("eng", "zho", "fas", "rus")]
    qrels = read_qrels(MINI / "qrels.txt")
    assert all(list(keys) == list(qrels) for keys in topics)
    for grades in qrels.values():
        assert set(grades.values()) == {0, 1, 2, 3}
        assert list(grades.values()).count(0) >= 6


def test_passages_have_60_to_120_words_and_unique_ids():
    passages = [json.loads(line) for line in (MINI / "passages.jsonl").read_text().splitlines()]
    assert len({passage["id"] for passage in passages}) == len(passages)
    assert all(60 <= len(passage["contents"].split()) <= 120 for passage in passages)


def test_bm25_leaves_room(tmp_path):
    index_bm25(MINI / "passages.jsonl", tmp_path / "index", "eng", threads=2)
    queries, run = MINI / "queries.eng.tsv", tmp_path / "run.trec"
    search_bm25(Search(tmp_path / "index", run, depth=100, threads=2), queries, language="eng", k1=0.9, b=0.4)
    values = per_query(read_run(run), read_qrels(MINI / "qrels.txt"), ["nDCG@10"], read_queries(queries))["nDCG@10"]
    assert 0.45 <= sum(values.values()) / len(values) <= 0.75, pytest.approx(values)
