"""Late interaction: scores of a real (tiny, random) ColBERT, against transformers and NumPy."""

import json
from pathlib import Path

import numpy as np
import pytest

from rankk.api import rerank
from rankk.errors import BackendError

from ..tiny_model import tiny_bert, tiny_encoder
from .test_cross_encoder import FIRST, QUERIES, TEXTS, check_that_scores_of_a_journal_load_no_model

WORDS = " ".join((*TEXTS.values(), *QUERIES.values())).split()


def build(folder: Path, **lengths: object) -> Path:
    """Save a ColBERT of random weights as sentence-transformers does."""
    import torch
    from sentence_transformers import MultiVectorEncoder

    torch.manual_seed(3)
    encoder = MultiVectorEncoder(tiny_bert(folder, WORDS), device="cpu")
    for name, value in lengths.items():
        setattr(encoder[0], name, value)
    encoder.save(str(folder / "model"))
    return folder / "model"


def similarity(folder: Path, query: str, passage: str) -> float:
    """Mean over the query's tokens of the highest cosine to one of the passage's, from the files alone."""
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    (projection,) = load_file(folder / "1_Dense" / "model.safetensors").values()
    vectors = []
    for text in (query, passage):
        with torch.no_grad():
            states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        projected = (states @ projection.T).numpy()
        vectors.append(projected / np.linalg.norm(projected, axis=1, keepdims=True))
    return float((vectors[0] @ vectors[1].T).max(axis=1).mean())


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("model"))


@pytest.mark.parametrize("batch_size", [1, 3])
def test_scores_are_those_of_the_files_whatever_the_batch(model: Path, batch_size: int, tmp_path: Path) -> None:
    journal = tmp_path / "calls.jsonl"
    settings = {"preset": "late-interaction", "model": str(model), "batch_size": batch_size, "device": "cpu"}
    result = rerank(FIRST, QUERIES, TEXTS, reranker=settings, journal=journal)
    records = [json.loads(line) for line in journal.read_text().splitlines()]
    assert len(records) == 8
    for qid, query in QUERIES.items():
        expected = {docid: similarity(model, query, text) for docid, text in TEXTS.items()}
        assert len(set(expected.values())) == 4
        assert [hit.docid for hit in result.run[qid]] == sorted(TEXTS, key=lambda docid: -expected[docid])
        for record in (record for record in records if record["qid"] == qid):
            (docid,) = record["window"]
            assert record["score"] == pytest.approx(1 / (1 + np.exp(-expected[docid])), rel=1e-5)
            assert record["prompt_tokens"] == len(query.split()) + len(TEXTS[docid].split()) + 4


def test_scores_of_a_journal_load_no_model(model: Path, tmp_path: Path) -> None:
    check_that_scores_of_a_journal_load_no_model("late-interaction", model, tmp_path / "calls.jsonl", "no answers")


def test_a_query_longer_than_the_model_reads_is_an_error_that_names_the_setting(tmp_path: Path) -> None:
    expansion = {"strategy": "fixed", "length": 4, "token": "[MASK]", "attend": False}
    settings = {"preset": "late-interaction", "model": str(build(tmp_path, query_expansion=expansion))}
    with pytest.raises(BackendError, match=r"'fruit on trees' has 5 tokens, the model reads 4; set query_length"):
        rerank(FIRST, QUERIES, TEXTS, reranker=settings)
    rerank(FIRST, QUERIES, TEXTS, reranker=settings | {"query_length": 8})


def test_a_passage_is_cut_at_the_length_that_is_set(model: Path) -> None:
    settings = {"preset": "late-interaction", "model": str(model), "document_length": 5}
    cut = {docid: " ".join(text.split()[:3]) for docid, text in TEXTS.items()}
    assert rerank(FIRST, QUERIES, TEXTS, reranker=settings).run == rerank(FIRST, QUERIES, cut, reranker=settings).run


def test_a_model_without_vectors_of_tokens_is_an_error_and_gets_no_random_ones(tmp_path: Path) -> None:
    for folder in (tiny_bert(tmp_path, WORDS), tiny_encoder(tmp_path / "bi", WORDS)):
        with pytest.raises(BackendError, match="is no late-interaction model"):
            rerank(FIRST, QUERIES, TEXTS, reranker={"preset": "late-interaction", "model": str(folder)})
