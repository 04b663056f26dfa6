"""Lucene on texts and machines as they are: long queries, queries without tokens, locales that are not UTF-8."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from rankk import paths
from rankk.config.loading import check
from rankk.errors import RankkError
from rankk.io.trec import read_run
from rankk.paths import Cell
from rankk.retrievers import lucene

BM25 = {"language": "eng", "k1": 0.9, "b": 0.4}


def write_lines(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_a_query_of_more_terms_than_lucene_takes_by_default_is_searched(tmp_path):
    words = [f"w{number:05d}" for number in range(1100)]
    texts = {"d1": "granite", "d2": " ".join(words), "d3": words[-1]}
    passages = write_lines(tmp_path / "p.jsonl", ({"id": docid, "contents": text} for docid, text in texts.items()))
    (tmp_path / "q.tsv").write_text(f"short\tgranite\nlong\t{' '.join(words)}\nlines\tquartz\u2028granite\n")
    lucene.index_bm25(passages, tmp_path / "index", "eng", 1)
    search = lucene.Search(tmp_path / "index", tmp_path / "run", depth=10, threads=1)
    lucene.search_bm25(search, tmp_path / "q.tsv", **BM25)
    run = {qid: [hit.docid for hit in hits] for qid, hits in read_run(tmp_path / "run").items()}
    assert run == {"short": ["d1"], "long": ["d2", "d3"], "lines": ["d1"]}
    (tmp_path / "q.tsv").write_text("stop\tthe of and\nsigns\t?!\n")
    with pytest.raises(RankkError, match="index: none of 2 queries finds a passage there"):
        lucene.search_bm25(replace(search, run=tmp_path / "none"), tmp_path / "q.tsv", **BM25)
    assert not (tmp_path / "none").exists()


def test_an_encoded_query_without_tokens_finds_nothing_and_the_others_are_searched(tmp_path, caplog):
    vectors = [{"id": "d1", "vector": {"granite": 100}}, {"id": "d2", "vector": {"ferry": 90}}]
    lucene.index_impact(write_lines(tmp_path / "v.jsonl", vectors), tmp_path / "index", 1)
    queries = [{"id": "q1", "vector": {"granite": 50, "a\tb": 1}}, {"id": "q2", "vector": {}}]
    write_lines(tmp_path / "q.jsonl", queries)
    search = lucene.Search(tmp_path / "index", tmp_path / "run", depth=10, threads=1)
    lucene.search_impact(search, tmp_path / "q.jsonl")
    assert {qid: [hit.docid for hit in hits] for qid, hits in read_run(tmp_path / "run").items()} == {"q1": ["d1"]}
    assert "1 queries without any token find nothing: q2" in caplog.text
    write_lines(tmp_path / "q.jsonl", queries[1:])
    with pytest.raises(RankkError, match=r"q\.jsonl: no query has any token"):
        lucene.search_impact(search, tmp_path / "q.jsonl")


def test_queries_of_another_language_retrieve_for_the_topics_that_the_cell_has_too(tmp_path):
    files = {"source": "files", "passages": "p.jsonl", "qrels": "qrels.txt", "language": "eng"}
    write_lines(tmp_path / "p.jsonl", [{"id": "d1", "contents": "granite quarry"}, {"id": "d2", "contents": "ferry"}])
    (tmp_path / "e.tsv").write_text("q1\tgranite\nq2\tferry\n")
    (tmp_path / "g.tsv").write_text("q2\tFähre\n", encoding="utf-8")  # q1 was not translated
    (tmp_path / "qrels.txt").write_text("q1 0 d1 1\nq2 0 d2 1\n")
    experiment = check(
        {
            "experiment": "x",
            "grid": [{"collections": ["c"], "languages": ["eng", "deu"], "retrievers": ["bm25", "english"]}],
            "collections": {"c": files | {"queries": {"eng": "e.tsv", "deu": "g.tsv"}}},
            "retrievers": {"english": {"type": "bm25", "query_language": "eng", "depth": 10}},
        },
        str(tmp_path / "x.yaml"),
    )
    retriever = experiment.retrievers["english"]
    english, german = (retriever.inputs(Cell("c", language, "english"), experiment) for language in ("eng", "deu"))
    assert "asked" not in english
    assert (german["queries"], german["asked"]) == (paths.queries("c", "eng"), paths.queries("c", "deu"))
    lucene.index_bm25(tmp_path / "p.jsonl", tmp_path / "index", "eng", 1)
    made = {"index": tmp_path / "index", "queries": tmp_path / "e.tsv", "asked": tmp_path / "g.tsv", "excluded": None}
    retriever.retrieve(made, str(tmp_path / "run"), threads=1, tag="t", language="eng")
    assert {qid: [hit.docid for hit in hits] for qid, hits in read_run(tmp_path / "run").items()} == {"q2": ["d2"]}


IN_A_LOCALE = """
from rankk.retrievers import lucene
lucene.index_bm25("p.jsonl", "idx", "eng", 1)
lucene.search_bm25(lucene.Search("idx", "run", depth=10, threads=1), "q.tsv", language="eng", k1=.9, b=.4)
"""


def test_paths_and_ids_in_other_scripts_work_in_the_c_locale(tmp_path):
    folder = tmp_path / "clöne" / "日本"
    folder.mkdir(parents=True)
    write_lines(folder / "p.jsonl", [{"id": "dé", "contents": "granite"}])
    (folder / "q.tsv").write_text("ü\tgranite\n", encoding="utf-8")
    code = f"import sys; sys.path[:0] = {sys.path!r}\n{IN_A_LOCALE}"
    subprocess.run([sys.executable, "-c", code], cwd=folder, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}, check=True)
    assert [hit.docid for hit in read_run(folder / "run")["ü"]] == ["dé"]


def test_a_command_that_fails_says_why_though_it_ends_with_0(tmp_path):
    (tmp_path / "q.tsv").write_text("q\tgranite\n")
    search = lucene.Search(tmp_path / "nowhere", tmp_path / "run", depth=10, threads=1)
    with pytest.raises(RankkError, match=r"SearchCollection failed \(exit 0\): Error: .*nowhere.* valid index"):
        lucene.search_bm25(search, tmp_path / "q.tsv", **BM25)
    (tmp_path / "p.jsonl").write_text('{"id": "a", "contents": "x"}\n{"id"\n')
    with pytest.raises(RankkError, match=r"IndexCollection failed \(exit 0\): .*Unexpected end-of-input"):
        lucene.index_bm25(tmp_path / "p.jsonl", tmp_path / "index", "eng", 1)
    assert not (tmp_path / "index").exists()
    assert not (tmp_path / "run").exists()
