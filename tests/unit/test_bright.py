"""BRIGHT's tasks through the real `datasets` library, from a local repository in BRIGHT's own layout."""

import json
import re

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from rankk.config.loading import defined
from rankk.corpora.bright import BrightDownload, BrightPassages, BrightTopics
from rankk.errors import RankkError
from rankk.io.trec import read_excluded, read_qrels, read_queries, read_run
from rankk.retrievers.lucene import Search, index_bm25, search_bm25

from ..conftest import ROOT

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
    ids = ["d0", "d1", "d 2.txt", "d3", "d4", "d5"]  # StackOverflow's ids are file names, some with blanks
    documents = [{"id": docid, "content": f"sort numbers in way {n}"} for n, docid in enumerate(ids)]
    documents.append({"id": "e", "content": ""})
    examples = [
        {"query": "sort\nnumbers", "id": "0", "gold_ids": ["d1", "d 2.txt"], "excluded_ids": ["d0", "d4"]},
        {"query": "way 3", "id": "1", "gold_ids": ["d3"], "excluded_ids": ["N/A"]},
    ]
    for name, rows in (("documents", documents), ("examples", examples)):
        (folder / name).mkdir(parents=True)
        parquet.write_table(pa.Table.from_pylist(rows), folder / name / "leetcode-00000-of-00001.parquet")
    (folder / "README.md").write_text(CARD)
    return folder


def build(repository, target):
    """Corpus and collection of the task, fetched and built as the workflow's jobs do."""
    settings = {"task": "leetcode", "repository": str(repository)}
    sources = {"passages": BrightPassages(**settings), "topics": BrightTopics(**settings)}
    folders = {}
    for name, source in sources.items():
        (download,) = source.downloads()
        folders[name] = str(target / "downloads" / name)
        download.run(folders[name])
    passages = str(target / "passages.jsonl")
    sources["passages"].build({"downloads": [folders["passages"]]}, passages)
    inputs = {"downloads": [folders["topics"]], "passages": passages}
    sources["topics"].build_qrels(inputs, target / "qrels.txt", target / "collection.json")
    sources["topics"].build_queries(inputs, "eng", target / "queries.eng.tsv", target / "excluded.eng.tsv")
    return target


def test_a_task_becomes_the_same_files_as_any_collection_with_its_excluded_passages(repository, tmp_path):
    target = build(repository, tmp_path / "c")
    assert json.loads((target / "corpus.json").read_text()) == {"passages": 6, "dropped": {"empty passage": 1}}
    assert read_queries(target / "queries.eng.tsv") == {"0": "sort\nnumbers", "1": "way 3"}
    assert read_qrels(target / "qrels.txt")["0"] == {"d1": 1, "d_2.txt": 1}
    assert read_excluded(target / "excluded.eng.tsv") == {"0": {"d0", "d4"}}


def test_excluded_passages_are_in_no_run_and_others_take_their_places(repository, tmp_path):
    target = build(repository, tmp_path / "c")
    index_bm25(target / "passages.jsonl", tmp_path / "index", "eng", threads=1)
    search = Search(tmp_path / "index", tmp_path / "run", 4, threads=1, excluded=target / "excluded.eng.tsv")
    search_bm25(search, target / "queries.eng.tsv", language="eng", k1=0.9, b=0.4)
    run = read_run(tmp_path / "run")
    assert {hit.docid for hit in run["0"]} == {"d1", "d_2.txt", "d3", "d5"}
    assert len(run["1"]) == 4


def test_a_repository_that_cannot_be_read_is_said_and_leaves_nothing(tmp_path):
    download = BrightDownload(task="pony", part="examples", repository=str(tmp_path / "none"))
    with pytest.raises(RankkError, match=r"BRIGHT, task pony, examples: .* cannot be read"):
        download.run(tmp_path / "d" / "fetched")
    assert list((tmp_path / "d").iterdir()) == []


def test_the_catalog_pins_every_task_and_has_the_revision_that_rank_ks_readme_names():
    definitions = defined(ROOT / "config" / "catalog", "the catalog")
    revisions = {}
    for section in ("corpora", "collections"):
        for name in definitions.names(section):
            if (source := definitions.get(section, name).source).name == "bright":
                revisions[name] = source.revision
    assert (
        len(revisions) == 12 * 3
    )  # original, rewritten and first queries; corpora have the names of the original ones
    assert all(re.fullmatch(r"[0-9a-f]{40}", revision) for revision in revisions.values())
    assert {revision[:7] for name, revision in revisions.items() if name.endswith("-v1")} == {"a75a0eb"}
    assert len(set(revisions.values())) == 2
