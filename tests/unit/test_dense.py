"""A bi-encoder's order of a first stage's passages, with a real encoder of random weights."""

import json

import pytest

from rankk.errors import RankkError
from rankk.io.runs import ranked
from rankk.io.trec import read_run, write_run
from rankk.retrievers.rescored import Rescored

from ..tiny_model import tiny_encoder

TEXTS = {"d1": "a red fox", "d2": "a blue whale in the sea", "d3": "the red fox and the whale", "d4": "grass"}
SETTINGS = {"retriever": "first", "depth": 3, "max_seq_length": 16, "batch_size": 2}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return tiny_encoder(tmp_path_factory.mktemp("encoder"), " ".join(TEXTS.values()).split())


@pytest.fixture
def files(tmp_path):
    lines = [json.dumps({"id": docid, "contents": text}) for docid, text in TEXTS.items()]
    (tmp_path / "passages.jsonl").write_text("\n".join(lines))
    (tmp_path / "queries.tsv").write_text("q1\tred fox\nq2\tblue whale\nq3\tnothing found\n")
    write_run(tmp_path / "first.trec", {"q2": ranked(["d4", "d3", "d2", "d1"]), "q1": ranked(["d4", "d2"])}, "first")
    names = {"run": "first.trec", "queries": "queries.tsv", "passages": "passages.jsonl"}
    return {name: tmp_path / file for name, file in names.items()} | {"model": []}


def test_the_first_passages_are_ordered_by_similarity_to_the_query(encoder, files, tmp_path):
    from sentence_transformers import SentenceTransformer

    Rescored(model=str(encoder), **SETTINGS).retrieve(files, tmp_path / "out.trec", threads=1, tag="rescored")
    run = read_run(tmp_path / "out.trec")
    assert {qid: {hit.docid for hit in hits} for qid, hits in run.items()} == {
        "q2": {"d4", "d3", "d2"},
        "q1": {"d4", "d2"},
    }
    model = SentenceTransformer(str(encoder))
    for qid, query in (("q1", "red fox"), ("q2", "blue whale")):
        expected = [float(model.similarity(*model.encode([query, TEXTS[hit.docid]]))) for hit in run[qid]]
        assert [hit.score for hit in run[qid]] == pytest.approx(expected, abs=1e-5)
        assert expected == sorted(expected, reverse=True)


def test_an_encoder_that_is_not_there_is_named(tmp_path, files):
    with pytest.raises(RankkError, match=r"no/such/encoder: cannot be loaded"):
        retriever = Rescored(model=str(tmp_path / "no/such/encoder"), **SETTINGS)
        retriever.retrieve(files, tmp_path / "out.trec", threads=1, tag="rescored")
