"""LiT5: answers of a real (tiny, random) T5, against a decoder that is run step by step."""

import json
from pathlib import Path

import pytest

from rankk.api import rerank
from rankk.errors import BackendError
from rankk.reranking.presets import load_preset
from rankk.reranking.prompts import render

from .test_cross_encoder import FIRST, QUERIES, TEXTS

STEPS = 12


def build(folder: Path) -> Path:
    """Save a T5 of random weights whose words are those of prompts and answers."""
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

    texts = " ".join((*TEXTS.values(), *QUERIES.values(), "Search Query : Passage [ ] > Relevance Ranking 1 2 3 4 5"))
    words = {word: number for number, word in enumerate(["<pad>", "</s>", "<unk>", *sorted(set(texts.split()))])}
    tokenizer = Tokenizer(WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=512
    )
    fast.save_pretrained(folder)
    torch.manual_seed(4)
    shape = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2, "initializer_factor": 8.0}
    config = T5Config(vocab_size=len(words), decoder_start_token_id=0, dropout_rate=0.0, **shape)
    T5ForConditionalGeneration(config).save_pretrained(folder)
    return folder


def stepwise(folder: Path, query: str, passages: list[str]) -> str:
    """What T5 writes greedily where each passage was encoded alone and all are attended to."""
    import torch
    from transformers import AutoTokenizer, T5ForConditionalGeneration
    from transformers.modeling_outputs import BaseModelOutput

    tokenizer, model = AutoTokenizer.from_pretrained(folder), T5ForConditionalGeneration.from_pretrained(folder).eval()
    states, written = [], [0]
    with torch.no_grad():
        for number, passage in enumerate(passages, 1):
            text = f"Search Query: {query} Passage: [{number}] {passage} Relevance Ranking: "
            states.append(model.encoder(**tokenizer(text, return_tensors="pt")).last_hidden_state)
        seen = BaseModelOutput(last_hidden_state=torch.cat(states, dim=1))
        while written[-1] != 1 and len(written) <= STEPS:
            logits = model(encoder_outputs=seen, decoder_input_ids=torch.tensor([written])).logits
            written.append(int(logits[0, -1].argmax()))
    return str(tokenizer.decode(written[1:], skip_special_tokens=True))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("model"))


def test_each_passage_is_a_message_in_the_words_that_were_read_in_rank_llm() -> None:
    messages = render(load_preset("lit5"), "Q", ["P", "R"]).messages
    assert [message.content for message in messages] == [
        "Search Query: Q Passage: [1] P Relevance Ranking: ",
        "Search Query: Q Passage: [2] R Relevance Ranking: ",
    ]


@pytest.mark.parametrize("batch_size", [1, 3])
def test_answers_are_those_of_a_decoder_over_passages_encoded_alone(
    model: Path, batch_size: int, tmp_path: Path
) -> None:
    journal = tmp_path / "calls.jsonl"
    settings = {"preset": "lit5", "model": str(model), "window": 3, "stride": 1, "depth": 4, "device": "cpu"}
    settings |= {"batch_size": batch_size, "max_tokens": STEPS}
    rerank(FIRST, QUERIES, TEXTS, reranker=settings, journal=journal)
    records = [json.loads(line) for line in journal.read_text().splitlines()]
    assert len(records) == 4
    answers = set()
    for record in records:
        expected = stepwise(model, QUERIES[record["qid"]], [TEXTS[docid] for docid in record["window"]])
        assert record["text"] == expected
        assert record["prompt_tokens"] > sum(len(TEXTS[docid].split()) for docid in record["window"])
        answers.add(expected)
    assert len(answers) > 1, "random weights that answer everything alike show nothing"


def test_passages_are_cut_so_that_every_text_is_whole(model: Path) -> None:
    settings = {"preset": "lit5", "model": str(model), "window": 4, "stride": 2, "depth": 4, "max_length": 35}
    long = TEXTS | {"a": " ".join(["rain"] * 100)}
    (call, _) = rerank(FIRST, QUERIES, long, reranker=settings | {"max_tokens": STEPS}).calls
    assert call.prompt_tokens is not None
    assert call.prompt_tokens <= 4 * 35


def test_sampling_is_an_error(model: Path) -> None:
    settings = {"preset": "lit5", "model": str(model), "window": 4, "stride": 2, "depth": 4, "temperature": 0.5}
    with pytest.raises(BackendError, match="answers greedily; set temperature: 0"):
        rerank(FIRST, QUERIES, TEXTS, reranker=settings)
