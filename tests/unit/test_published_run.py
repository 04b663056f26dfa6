"""A first stage that was made elsewhere."""

import pytest

from rankk.errors import RankkError
from rankk.io.passages import build_store
from rankk.io.trec import Hit, read_metadata, read_run, write_run
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


def test_passages_that_the_corpus_does_not_hold_are_named(inputs, tmp_path):
    write_run(inputs["run"], {"q1": [Hit("a", 3.0), Hit("z", 2.0)]}, "theirs")
    with pytest.raises(RankkError, match=r"run: 1 passages are not in the corpus, e\.g\. z \(query q1\)"):
        retrieve(inputs, tmp_path / "none.trec")
    assert not (tmp_path / "none.trec").exists()
