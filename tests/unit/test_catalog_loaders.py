"""Collections of the catalog that ir_datasets reads go through its real loaders, from tiny files in their format."""

import json
import subprocess
import sys

import pytest
import yaml

from rankk.io.files import read_jsonl
from rankk.io.trec import read_excluded, read_qrels, read_queries

from ..conftest import ROOT

CATALOG = yaml.safe_load((ROOT / "config" / "catalog" / "ir_datasets.yaml").read_text())["collections"]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("catalog")
    command = [sys.executable, str(ROOT / "tests" / "tiny_datasets.py"), str(folder), *CATALOG]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.mark.parametrize("name", CATALOG)
def test_a_collection_is_read_by_its_own_loader(loaded, name):
    passages = {record["id"]: record["contents"] for _, record in read_jsonl(loaded / name / "passages.jsonl")}
    assert len(passages) >= 2
    assert all("passage" in text for text in passages.values())
    qrels = read_qrels(loaded / name / "qrels.txt")
    assert {docid for grades in qrels.values() for docid in grades} <= passages.keys()
    for language in CATALOG[name].get("queries", {"eng": ["text"]}):
        queries = read_queries(loaded / name / f"queries.{language}.tsv")
        expected = "q2023" if "neuclir-2023" in name else "q1"
        assert queries.keys() == qrels.keys() == {expected} or "miracl" in name


@pytest.mark.parametrize("name", ["neuclir-2022-zho", "neuclir-2023-rus", "beir-fiqa", "beir-trec-covid"])
def test_passages_without_text_are_left_out_and_counted(loaded, name):
    counts = json.loads((loaded / name / "corpus.json").read_text())
    assert counts["dropped"] == {"empty passage": 1}


def test_arguanas_queries_exclude_themselves(loaded):
    assert read_excluded(loaded / "beir-arguana" / "excluded.eng.tsv") == {"q1": {"q1"}}
    assert (loaded / "beir-scifact" / "excluded.eng.tsv").read_text() == ""


def test_topics_have_the_fields_that_the_catalog_names(loaded):
    def query(name, language):
        return read_queries(loaded / name / f"queries.{language}.tsv")["q2023" if "2023" in name else "q1"]

    assert query("neuclir-2022-zho", "eng") == "eng title"
    assert query("neuclir-2022-zho", "zho") == "ht zho title"
    assert query("neuclir-2023-fas-td", "fas") == "ht fas title ht fas description"
    assert query("neuclir-2023-rus-mtq", "rus") == "mt rus title"
