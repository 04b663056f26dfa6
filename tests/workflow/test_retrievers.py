"""Lucene's first stages beside BM25 against answers computed by hand."""

import json
import math
from collections import Counter

import numpy as np
import pytest

from rankk.io.trec import read_run
from rankk.retrievers import bm25, dense
from rankk.retrievers.feedback import RM3, Rocchio
from rankk.retrievers.query_side import QuerySideBM25

from ..tiny_model import tiny_encoder

K1, B = 0.9, 0.4
TEXTS = {"d1": "granite basalt", "d2": "basalt basalt slate", "d3": "granite slate slate slate"}
TEXTS |= {f"f{number}": f"filler{number} common" for number in range(27)}
WORDS = {docid: Counter(text.split()) for docid, text in TEXTS.items()}
AVERAGE = sum(sum(words.values()) for words in WORDS.values()) / len(WORDS)


def idf(word):
    having = sum(word in words for words in WORDS.values())
    return math.log(1 + (len(WORDS) - having + 0.5) / (having + 0.5))


def saturated(count, length):
    return count / (count + K1 * (1 - B + B * length / AVERAGE))


def score(docid, weights):
    """Lucene's BM25 of a passage, with a weight for each of the query's words."""
    words = WORDS[docid]
    length = sum(words.values())
    return sum(weight * idf(word) * saturated(words[word], length) for word, weight in weights.items() if words[word])


def expected(weights):
    scores = {docid: score(docid, weights) for docid in WORDS}
    return pytest.approx({docid: value for docid, value in scores.items() if value}, abs=2e-4)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lucene")
    lines = [json.dumps({"id": docid, "contents": text}) for docid, text in TEXTS.items()]
    (folder / "passages.jsonl").write_text("\n".join(lines))
    (folder / "queries.tsv").write_text("q1\tgranite granite slate\nq2\tgranite\n")
    (folder / "excluded.tsv").write_text("")
    step = bm25.Index(language="eng", document_vectors=True)
    step.run({"passages": folder / "passages.jsonl"}, str(folder / "index"), threads=1)
    names = {"index": "index", "queries": "queries.tsv", "excluded": "excluded.tsv"}
    return {name: folder / file for name, file in names.items()}


def retrieved(retriever, inputs, output):
    retriever.retrieve(inputs, output, threads=1, tag="t", language="eng")
    return {qid: {hit.docid: hit.score for hit in hits} for qid, hits in read_run(output).items()}


def test_query_side_bm25_weights_the_querys_words_by_bm25(inputs, tmp_path):
    run = retrieved(QuerySideBM25(), inputs, tmp_path / "run")
    weights = {word: idf(word) * saturated(count, 3) for word, count in {"granite": 2, "slate": 1}.items()}
    assert run == {"q1": expected(weights), "q2": expected({"granite": idf("granite") * saturated(1, 1)})}


def test_rm3_finds_what_shares_words_with_the_first_passage_only(inputs, tmp_path):
    run = retrieved(RM3(feedback_passages=1, original_query_weight=0.6), inputs, tmp_path / "run")
    # Granite ranks d1 first, the shorter one, whose two words are the relevance model, half each.
    assert run["q2"] == expected({"granite": 0.6 + 0.4 / 2, "basalt": 0.4 / 2})


def test_rocchio_adds_the_first_passages_bm25_vector_of_unit_length(inputs, tmp_path):
    run = retrieved(Rocchio(feedback_passages=1, beta=0.5), inputs, tmp_path / "run")
    vector = {word: idf(word) * saturated(1, 2) for word in ("granite", "basalt")}
    length = math.hypot(*vector.values())
    weights = {word: 0.5 * weight / length for word, weight in vector.items()}
    assert run["q2"] == expected(weights | {"granite": 1 + weights["granite"]})


@pytest.mark.parametrize("exact", [True, False])
def test_dense_retrieval_orders_all_passages_by_cosine(inputs, tmp_path, exact):
    from sentence_transformers import SentenceTransformer

    model = tiny_encoder(tmp_path, [*" ".join(TEXTS.values()).split(), "query", "passage", ":"])
    settings = {"model": str(model), "query_prefix": "query: ", "passage_prefix": "passage: ", "max_seq_length": 16}
    folder = inputs["index"].parent
    for kind, texts in (("query", "queries.tsv"), ("passage", "passages.jsonl")):
        step = dense.Encode(kind=kind, **settings)
        step.run({"texts": str(folder / texts), "model": []}, str(tmp_path / f"{kind}.jsonl.gz"), threads=1)
    index = dense.Index() if exact else dense.Index(links=8, candidates=50)
    index.run({"vectors": tmp_path / "passage.jsonl.gz"}, str(tmp_path / "dense"), threads=1)
    files = {"index": tmp_path / "dense", "vectors": tmp_path / "query.jsonl.gz", "excluded": inputs["excluded"]}
    run = retrieved(dense.Dense(exact=exact, depth=10, **settings), files, tmp_path / "run")
    encoder = SentenceTransformer(str(model))
    passages = encoder.encode([f"passage: {text}" for text in TEXTS.values()], normalize_embeddings=True)
    query = encoder.encode("query: granite", normalize_embeddings=True)
    cosines = dict(zip(TEXTS, (np.asarray(passages) @ query).tolist(), strict=True))
    best = sorted(cosines, key=lambda docid: -cosines[docid])[:10]
    assert run["q2"] == pytest.approx({docid: (1 + cosines[docid]) / 2 for docid in best}, abs=1e-4)
    assert list(run) == ["q1", "q2"]
