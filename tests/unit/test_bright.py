"""BRIGHT's tasks through the real `datasets` library, from a local repository in BRIGHT's own layout."""

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from rankk.corpora.bright import build, fetch
from rankk.errors import RankkError
from rankk.io.files import read_jsonl
from rankk.io.trec import read_excluded, read_qrels, read_queries, read_run
from rankk.retrievers.lucene import index_bm25, search_bm25

CARD = """---
configs:
- config_name: documents
  data_files: [{split: leetcode, path: documents/leetcode-00000-of-00001.parquet}]
- config_name: examples
  data_files: [{split: leetcode, path: examples/leetcode-00000-of-00001.parquet}]
---
"""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "BRIGHT"
    documents = [{"id": f"d{n}", "content": f"sort numbers in way {n}"} for n in range(6)] + [
        {"id": "e", "content": ""}
    ]
    examples = [
        {"query": "sort\nnumbers", "id": "0", "gold_ids": ["d1", "d2"], "excluded_ids": ["d0", "d4"]},
        {"query": "way 3", "id": "1", "gold_ids": ["d3"], "excluded_ids": ["N/A"]},
    ]
    for name, rows in (("documents", documents), ("examples", examples)):
        (folder / name).mkdir(parents=True)
        parquet.write_table(pa.Table.from_pylist(rows), folder / name / "leetcode-00000-of-00001.parquet")
    (folder / "README.md").write_text(CARD)
    return folder


def test_a_task_becomes_the_same_files_as_any_collection_with_its_excluded_passages(repository, tmp_path):
    fetch("leetcode", "examples", tmp_path / "fetched", revision=None, repository=str(repository))
    build(tmp_path / "fetched", tmp_path / "c", topics=None)
    assert len(list(read_jsonl(tmp_path / "c" / "passages.jsonl.gz"))) == 6  # the empty one is counted and left out
    assert read_queries(tmp_path / "c" / "queries.eng.tsv") == {"0": "sort numbers", "1": "way 3"}
    assert read_qrels(tmp_path / "c" / "qrels.txt")["0"] == {"d1": 1, "d2": 1}
    assert read_excluded(tmp_path / "c" / "excluded.tsv") == {"0": {"d0", "d4"}}


def test_excluded_passages_are_in_no_run_and_others_take_their_places(repository, tmp_path):
    fetch("leetcode", "examples", tmp_path / "fetched", revision=None, repository=str(repository))
    build(tmp_path / "fetched", tmp_path / "c", topics=None)
    files = {name: tmp_path / "c" / name for name in ("passages.jsonl.gz", "queries.eng.tsv", "excluded.tsv")}
    index_bm25(files["passages.jsonl.gz"], tmp_path / "index", "eng", threads=1)
    options = {"language": "eng", "k1": 0.9, "b": 0.4, "depth": 4, "threads": 1, "excluded": files["excluded.tsv"]}
    search_bm25(tmp_path / "index", files["queries.eng.tsv"], tmp_path / "run", **options)
    run = read_run(tmp_path / "run")
    assert {hit.docid for hit in run["0"]} == {"d1", "d2", "d3", "d5"}
    assert len(run["1"]) == 4


def test_a_repository_that_cannot_be_read_is_said_and_leaves_nothing(tmp_path):
    with pytest.raises(RankkError, match=r"BRIGHT, task pony, examples: .* cannot be read"):
        fetch("pony", "examples", tmp_path / "d" / "fetched", revision=None, repository=str(tmp_path / "none"))
    assert list((tmp_path / "d").iterdir()) == []
