"""Causal models with a linear head for relevance (Querit), against a separate computation; random weights."""

import json
from pathlib import Path
from typing import Any

import pytest

from rankk.api import rerank
from rankk.errors import BackendError
from rankk.families import checked
from rankk.llm.backends.relevance_head import RelevanceHead
from rankk.llm.types import Prompt
from rankk.reranking.presets import load_preset
from rankk.reranking.prompts import render

from .test_cross_encoder import FIRST, QUERIES, TEXTS, check_that_scores_of_a_journal_load_no_model

TEXT = "Judge whether the Content meets the requirements based on the Query. Query: fruit on trees; Content: {}[CLS]"
SMALL = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "initializer_range": 0.5,
}
DEEPSEEK = {
    **{"q_lora_rank": 8, "kv_lora_rank": 8, "qk_rope_head_dim": 4, "qk_nope_head_dim": 4, "v_head_dim": 8},
    **{"n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1, "moe_intermediate_size": 16},
    **{"first_k_dense_replace": 1, "n_shared_experts": 1},
}


def build(folder: Path, kind: str = "qwen3", outputs: int = 2) -> Path:
    """Save a causal model of random weights with a head, as Querit's files hold it, and a tokenizer of words."""
    import torch
    from safetensors.torch import load_file, save_file
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        DeepseekV3Config,
        DeepseekV3ForCausalLM,
        PreTrainedTokenizerFast,
        Qwen3Config,
        Qwen3ForCausalLM,
    )

    words = {word for text in (*TEXTS.values(), *QUERIES.values(), TEXT) for word in text.replace("[CLS]", "").split()}
    vocabulary = {
        word: number for number, word in enumerate(["[PAD]", "[UNK]", "[CLS]", *sorted(words), ":", ";", "."])
    }
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", model_max_length=128
    ).save_pretrained(folder)
    torch.manual_seed(1)
    size = SMALL | {"vocab_size": len(vocabulary)}
    body: Any = (
        Qwen3ForCausalLM(Qwen3Config(**size, head_dim=8, tie_word_embeddings=True))
        if kind == "qwen3"
        else DeepseekV3ForCausalLM(DeepseekV3Config(**size | DEEPSEEK))
    )
    body.save_pretrained(folder)
    weights = load_file(folder / "model.safetensors")
    weights |= {"head.weight": torch.randn(outputs, 16), "head.bias": torch.randn(outputs)}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config |= {"architectures": ["MLQwen3Model"], "auto_map": {"AutoModel": "modeling_querit_4b.QueritModel"}}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def expected(folder: Path, text: str, length: int = 64) -> float:
    """P(relevant) as the authors compute it: padding in front, and a mask of its own for every pair of tokens."""
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(text.removesuffix("[CLS]"), add_special_tokens=False)["input_ids"] + [tokenizer.cls_token_id]
    empty = length - len(ids)
    real = torch.arange(length) >= empty
    mask = (torch.ones(length, length, dtype=torch.bool).tril() & real[None, :] & real[:, None])[None, None]
    mask = torch.where(mask, 0.0, torch.finfo(torch.float32).min)
    body = AutoModel.from_pretrained(folder).eval()
    head = load_file(folder / "model.safetensors")
    with torch.no_grad():
        state = body(
            input_ids=torch.tensor([[tokenizer.pad_token_id] * empty + ids]), attention_mask=mask
        ).last_hidden_state[0, -1]
    return float(torch.softmax(head["head.weight"] @ state + head["head.bias"], -1)[1])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("model"))


def test_the_prompt_is_the_authors() -> None:
    assert render(load_preset("querit"), "fruit on trees", [TEXTS["a"]]) == Prompt(text=TEXT.format(TEXTS["a"]))


@pytest.mark.parametrize("kind", ["qwen3", "deepseek_v3"])
def test_scores_are_those_of_a_separate_computation(kind: str, tmp_path: Path) -> None:
    folder, journal = build(tmp_path, kind), tmp_path / "calls.jsonl"
    settings = {"preset": "querit", "model": str(folder), "batch_size": 3, "device": "cpu"}
    result = rerank(FIRST, QUERIES, TEXTS, reranker=settings, journal=journal)
    wanted = {docid: expected(folder, TEXT.format(text)) for docid, text in TEXTS.items()}
    assert len({round(value, 4) for value in wanted.values()}) == 4
    assert [hit.docid for hit in result.run["q1"]] == sorted(TEXTS, key=lambda docid: -wanted[docid])
    records = [json.loads(line) for line in journal.read_text().splitlines()]
    found = {record["window"][0]: record["score"] for record in records if record["qid"] == "q1"}
    assert found == pytest.approx(wanted, abs=1e-4)


def test_scores_of_a_journal_load_no_model(model: Path, tmp_path: Path) -> None:
    check_that_scores_of_a_journal_load_no_model("querit", model, tmp_path / "calls.jsonl", "hold no head.weight")


def test_a_head_with_another_number_of_outputs_is_an_error(tmp_path: Path) -> None:
    settings = {"preset": "querit", "model": str(build(tmp_path, outputs=3)), "device": "cpu"}
    with pytest.raises(BackendError, match=r"head has the shape \(3, 16\); expected two outputs"):
        rerank(FIRST, QUERIES, TEXTS, reranker=settings)


def test_only_files_with_such_a_head_are_taken(model: Path, tmp_path: Path) -> None:
    from .test_cross_encoder import build as build_cross_encoder

    assert RelevanceHead.takes(model)
    assert not RelevanceHead.takes(build_cross_encoder(tmp_path / "other"))
    (tmp_path / "empty").mkdir()
    assert not RelevanceHead.takes(tmp_path / "empty")
    assert list(checked([load_preset("querit"), load_preset("listwise")], model)) == [
        "querit: fits",
        "listwise: does not fit: the model writes no text (MLQwen3Model)",
    ]


def test_a_cross_encoder_is_not_made_of_a_model_without_a_head_that_it_knows(model: Path, tmp_path: Path) -> None:
    config = json.loads((model / "config.json").read_text())
    del config["auto_map"]
    (tmp_path / "config.json").write_text(json.dumps(config | {"num_labels": 1}))
    for file in model.glob("*token*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(BackendError, match="class MLQwen3Model is no cross-encoder"):
        rerank(FIRST, QUERIES, TEXTS, reranker={"preset": "cross-encoder", "model": str(tmp_path)})
