"""Cross-encoders: scores of a real (tiny, random) model, in batches, through the journal and the command."""

import json
from pathlib import Path

import pytest

from rankk.api import rerank
from rankk.errors import BackendError, RankkError

TEXTS = {
    "a": "rain falls on trees",
    "b": "stones lie on the ground and on trees",
    "c": "pears are fruit",
    "d": "apples are fruit that grow on trees",
}
QUERIES = {"q1": "fruit on trees", "q2": "rain and stones"}
FIRST = {qid: [(docid, 4.0 - rank) for rank, docid in enumerate(TEXTS)] for qid in QUERIES}


def build(folder: Path, labels: int = 1, longest: int = 32) -> Path:
    """Save a BERT of random weights that scores pairs."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    known = {word for text in (*TEXTS.values(), *QUERIES.values()) for word in text.split()}
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted(known)]))
    tokenizer = BertTokenizerFast(vocab_file=str(folder / "vocab.txt"), model_max_length=longest)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(1)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = BertConfig(
        vocab_size=len(tokenizer), max_position_embeddings=longest, num_labels=labels, initializer_range=1.0, **shape
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def logits(folder: Path, query: str) -> dict[str, float]:
    """What transformers computes for each passage by itself."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        return {
            docid: float(model(**tokenizer(query, text, return_tensors="pt")).logits[0, 0])
            for docid, text in TEXTS.items()
        }


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("model"))


def test_passages_stand_in_the_order_of_their_scores(model: Path, tmp_path: Path) -> None:
    journal = tmp_path / "calls.jsonl"
    settings = {"preset": "cross-encoder", "model": str(model), "batch_size": 3}
    result = rerank(FIRST, QUERIES, TEXTS, reranker=settings, journal=journal)
    records = [json.loads(line) for line in journal.read_text().splitlines()]
    assert len(records) == 8
    for qid, query in QUERIES.items():
        expected = logits(model, query)
        assert len(set(expected.values())) == 4
        assert [hit.docid for hit in result.run[qid]] == sorted(TEXTS, key=lambda docid: -expected[docid])
        for record in (record for record in records if record["qid"] == qid):
            logit = expected[record["window"][0]]
            assert record["score"] == pytest.approx(1 / (1 + 2.718281828459045**-logit), rel=1e-5)
            assert record["outcome"] == "ok"
            assert record["computed"] > 0
            assert record["waited"] + record["computed"] == pytest.approx(record["seconds"], abs=2e-4)
            assert record["output_tokens"] == 0
            assert record["prompt_tokens"] == len(query.split()) + len(TEXTS[record["window"][0]].split()) + 3


def check_that_scores_of_a_journal_load_no_model(preset: str, model: Path, journal: Path, reason: str) -> None:
    """Rerank again without the weights: with the journal the run is the same, without it no call is answered."""
    settings = {"preset": preset, "model": str(model)}
    first = rerank(FIRST, QUERIES, TEXTS, reranker=settings, journal=journal)
    weights = model / "model.safetensors"
    kept = weights.read_bytes()
    weights.unlink()
    try:
        again = rerank(FIRST, QUERIES, TEXTS, reranker=settings, journal=journal)
        with pytest.raises(BackendError, match=reason):
            rerank(FIRST, QUERIES, TEXTS, reranker=settings)
    finally:
        weights.write_bytes(kept)
    assert again.run == first.run


def test_scores_of_a_journal_load_no_model(model: Path, tmp_path: Path) -> None:
    check_that_scores_of_a_journal_load_no_model(
        "cross-encoder", model, tmp_path / "calls.jsonl", "no answers: OSError"
    )


def test_a_pair_is_cut_to_what_the_model_reads_and_the_query_never(model: Path) -> None:
    settings = {"preset": "cross-encoder", "model": str(model)}
    long = TEXTS | {"a": " ".join(["rain"] * 100)}
    (call,) = (
        call
        for call in rerank(FIRST, QUERIES, long, reranker=settings).calls
        if call.window == "a" and call.qid == "q1"
    )
    assert call.prompt_tokens is not None
    assert 20 <= call.prompt_tokens <= 31, "one token is kept for an answer, as for every model"
    with pytest.raises(RankkError, match="too long for a context of 32"):
        rerank(FIRST, {**QUERIES, "q1": " ".join(["fruit"] * 40)}, TEXTS, reranker=settings)


def test_a_model_without_one_score_is_an_error(tmp_path: Path) -> None:
    settings = {"preset": "cross-encoder", "model": str(build(tmp_path / "three", labels=3))}
    with pytest.raises(BackendError, match="has 3 outputs for a pair"):
        rerank(FIRST, QUERIES, TEXTS, reranker=settings)


def test_a_model_with_code_of_its_own_is_an_error_and_not_loaded_as_a_similar_one(tmp_path: Path) -> None:
    folder = build(tmp_path / "custom")
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModelForSequenceClassification": "modeling_bert.JinaBertForSequenceClassification"}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(BackendError, match="require custom code"):
        rerank(FIRST, QUERIES, TEXTS, reranker={"preset": "cross-encoder", "model": str(folder)})


def test_a_gpu_is_asked_for_unless_the_cpu_is_named() -> None:
    from rankk.config.reranker import Reranker

    assert Reranker(preset="cross-encoder").backend.gpus == 1
    assert Reranker(preset="cross-encoder", device="cpu").backend.gpus == 0
