"""Collections through the real ir_datasets, on a dataset registered by the test, and the catalog's names."""

import ir_datasets
import pytest
import yaml
from ir_datasets.datasets.base import Dataset
from ir_datasets.formats import BaseDocs, BaseQrels, BaseQueries, GenericDoc, GenericQuery, TitleUrlTextDoc, TrecQrel

from rankk.corpora.ir_datasets import IrDatasetsPassages, IrDatasetsTopics, PassagesDownload
from rankk.errors import RankkError
from rankk.io.files import read_jsonl
from rankk.io.trec import read_qrels, read_queries

from ..conftest import ROOT

NAME = "rankk-test/small"
CATALOG = yaml.safe_load((ROOT / "config" / "catalog" / "ir_datasets.yaml").read_text())


class Docs(BaseDocs):
    def docs_iter(self):
        yield GenericDoc("d1", "plain text")
        yield TitleUrlTextDoc("d2", "A title", "http://example.org", "and its text")


class Queries(BaseQueries):
    def queries_iter(self):
        yield GenericQuery("q2", "second")
        yield GenericQuery("q1", "first\tquery")


class Qrels(BaseQrels):
    def qrels_iter(self):
        yield from (TrecQrel("q1", "d1", 1, "0"), TrecQrel("q2", "d2", 2, "0"), TrecQrel("q1", "d2", 0, "0"))


class Unreachable(Docs):
    def docs_iter(self):
        raise RuntimeError("could not download; licence not accepted")


@pytest.fixture
def registered(monkeypatch):
    datasets = {NAME: Dataset(Docs(), Queries(), Qrels()), "rankk-test/gated": Dataset(Unreachable(), Queries())}
    load = ir_datasets.load
    monkeypatch.setattr(ir_datasets, "load", lambda name: datasets.get(name) or load(name))


def build(name, target, queries):
    """Corpus and collection of a dataset, fetched and built as the workflow's jobs do."""
    passages, topics = IrDatasetsPassages(dataset=name), IrDatasetsTopics(dataset=name, queries=queries)
    folders = []
    for source in (passages, topics):
        (download,) = source.downloads()
        folders.append(str(target / "downloads" / download.target))
        download.run(folders[-1])
    passages.build({"downloads": folders[:1]}, target / "passages.jsonl")
    inputs = {"downloads": folders[1:], "passages": str(target / "passages.jsonl")}
    topics.build_qrels(inputs, target / "qrels.txt", target / "collection.json")
    for language in queries:
        files = target / f"queries.{language}.tsv", target / f"excluded.{language}.tsv"
        topics.build_queries(inputs, language, *files)


def test_a_dataset_becomes_the_same_files_as_any_collection(registered, tmp_path):
    build(NAME, tmp_path, {"eng": ["text"]})
    passages = [record["contents"] for _, record in read_jsonl(tmp_path / "passages.jsonl")]
    assert passages == ["plain text", "A title and its text"]
    assert read_queries(tmp_path / "queries.eng.tsv") == {"q2": "second", "q1": "first query"}
    assert read_qrels(tmp_path / "qrels.txt") == {"q1": {"d1": 1, "d2": 0}, "q2": {"d2": 2}}


def test_what_cannot_be_fetched_names_the_dataset_and_leaves_nothing(registered, tmp_path):
    with pytest.raises(
        RankkError, match=r"rankk-test/gated: .*licence not accepted.*ir-datasets\.com/rankk-test\.html"
    ):
        PassagesDownload(dataset="rankk-test/gated").run(tmp_path / "downloads" / "gated")
    assert list((tmp_path / "downloads").iterdir()) == []


def test_an_unknown_name_or_field_is_said(registered, tmp_path):
    with pytest.raises(RankkError, match="nothing/here: ir_datasets does not know it"):
        PassagesDownload(dataset="nothing/here").run(tmp_path / "x")
    with pytest.raises(RankkError, match="no field 'ht_title'; there are query_id, text"):
        build(NAME, tmp_path, {"zho": ["ht_title"]})


@pytest.mark.parametrize("name", CATALOG["collections"])
def test_the_catalogs_datasets_fields_and_sizes_are_those_of_ir_datasets(name):
    entry = CATALOG["collections"][name]
    dataset = ir_datasets.load(entry["dataset"])
    fields = set(dataset.queries_cls()._fields)
    assert all(set(names) <= fields for names in entry.get("queries", {"eng": ["text"]}).values())
    assert dataset.metadata()["queries"]["count"] == entry["expected_queries"]
    assert dataset.metadata()["qrels"]["count"] == entry["expected_judgments"]
    corpus = entry["corpus"] if isinstance(entry["corpus"], dict) else CATALOG["corpora"][entry["corpus"]]
    passages = ir_datasets.load(corpus["dataset"])
    assert passages.metadata()["docs"]["count"] == corpus["expected_passages"]
