"""Scores, letters and LoRA adapters through the real vLLM on the CPU, against transformers."""

import json
import math
import os
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from rankk.io.trec import read_queries
from rankk.llm.journal import read_journal
from rankk.llm.server import engine_python
from rankk.llm.tokenizers import ModelTokenizer
from rankk.provenance import gpus
from rankk.reranking.presets import Preset, load_preset
from rankk.reranking.prompts import neutralize, render

from ..synthetic import write
from ..tiny_model import build_model
from .test_vllm import finish, rerank

pytestmark = [pytest.mark.llm, pytest.mark.slow, pytest.mark.skipif(bool(gpus()), reason="checks the CPU engine")]

ALTERNATIVES = 20
LETTERS = 300  # of a vocabulary of about 400


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return build_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def adapter(model, tmp_path_factory) -> Path:
    """A LoRA adapter of random weights."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    settings = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    folder = tmp_path_factory.mktemp("adapter")
    get_peft_model(base, settings).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cell")
    write(folder, queries=2, depth=3)
    return folder


def likely(model: Path, prompt: str, number: int, adapter: Path | None = None) -> dict[str, float]:
    """Log probabilities of the likeliest tokens after a prompt, by their text, as transformers computes them."""
    import torch
    from transformers import AutoModelForCausalLM

    network = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    if adapter:
        from peft import PeftModel

        network = PeftModel.from_pretrained(network, adapter)
    tokenizer = ModelTokenizer(model)
    with torch.no_grad():
        logits = network(torch.tensor([tokenizer.ids(prompt)])).logits[0, -1]
    best = torch.log_softmax(logits, -1).topk(number)
    words: dict[str, float] = {}  # several tokens are parts of characters and look alike
    for token, value in zip(best.indices.tolist(), best.values.tolist(), strict=True):
        words.setdefault(tokenizer.text_of(token), value)
    return words


def prompts(folder: Path, model: Path, preset: Preset, windows: list[tuple[str, tuple[str, ...]]]) -> list[str]:
    """Whole prompts of a preset about windows of queries."""
    queries = read_queries(folder / "queries.tsv")
    passages = {r["id"]: r["contents"] for r in map(json.loads, (folder / "passages.jsonl").read_text().splitlines())}
    tokenizer = ModelTokenizer(model)
    return [
        tokenizer.render(render(preset, queries[qid], [neutralize(passages[docid]) for docid in window]))
        for qid, window in windows
    ]


def ask(python, folder, model, name, preset, owner=0, engine=None, **settings):
    """Rerank the cell with a preset of our own and read its journal."""
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({"name": name, **preset}))
    engine = {"max_model_len": 1024, "max_num_seqs": 8, "dtype": "float32"} | (engine or {})
    changes = {"preset": str(path), "depth": 3, "engine": engine, **settings}
    unset = {"window", "stride", "max_tokens"} - settings.keys()
    finish(rerank(python, folder, model, name, owner, unset=unset, **changes))
    return list(read_journal(folder / f"{name}.calls.jsonl"))


@pytest.fixture(scope="module")
def tokens(folder, model, adapter) -> dict[str, str]:
    """Two tokens that are often among the likeliest ones after the prompts, with the adapter and without."""
    preset = load_preset("yes-no")
    windows = [(qid, (docid,)) for qid, docid in pairs(folder)]
    found = Counter(
        token
        for prompt in prompts(folder, model, preset, windows)
        for lora in (None, adapter)
        for token in likely(model, prompt, ALTERNATIVES, lora)
        if token.strip() and token.isascii() and token.isprintable()
    )
    usable = [token for token, _ in found.most_common(2)]
    return {"extends": "yes-no", "positive": usable[0], "negative": usable[1]}


def pairs(folder: Path) -> list[tuple[str, str]]:
    return [(line.split()[0], line.split()[2]) for line in (folder / "first.trec").read_text().splitlines()]


def assert_scores(records, folder, model, preset, adapter=None):
    chosen = Preset(name="x", **preset)
    assert len(records) == 6
    scores = set()
    for record in records:
        (prompt,) = prompts(folder, model, chosen, [(record.qid, record.window)])
        values = likely(model, prompt, ALTERNATIVES, adapter)
        if chosen.positive not in values and chosen.negative not in values:
            assert record.score is None
            continue
        least = min(values.values())
        yes, no = (math.exp(values.get(word, least)) for word in (chosen.positive, chosen.negative))
        assert record.score == pytest.approx(yes / (yes + no), abs=1e-3)
        scores.add(round(record.score, 4))
    assert len(scores) > 1


def test_a_shared_engine_scores_by_two_tokens_and_orders_by_letters(folder, model, tokens):
    owner = os.getpid()
    assert_scores(
        ask(sys.executable, folder, model, "scores", tokens, owner, strategy="pointwise"), folder, model, tokens
    )
    letters = {
        "extends": "first",
        "model": None,
        "repair": False,
        "parser": {"type": "first-token", "alternatives": LETTERS},
    }
    records = ask(sys.executable, folder, model, "letters", letters, owner, strategy="single", window=3)
    assert len(records) == 2
    for record in records:
        (prompt,) = prompts(folder, model, load_preset("first"), [(record.qid, record.window)])
        assert prompt.endswith("assistant\n[")
        expected = likely(model, prompt, LETTERS)
        assert record.first_logprobs["A"] == pytest.approx(expected["A"], abs=1e-3)
        order = sorted((letter for letter in "ABC" if letter in expected), key=lambda letter: -expected[letter])
        run = [
            line.split()[2]
            for line in (folder / "letters.trec").read_text().splitlines()
            if line.split()[0] == record.qid
        ]
        assert run[: len(order)] == [record.window["ABC".index(letter)] for letter in order]
        assert record.outcome == ("ok" if len(order) == 3 else "partial")
    assert len(list(folder.glob("rankk-*/*.json"))) == 1, "one start for both cells"


@pytest.mark.parametrize("shared", [False, True])
def test_an_adapter_is_loaded_with_its_model(folder, model, adapter, tokens, shared):
    python, owner = (sys.executable, os.getpid()) if shared else (engine_python(), 0)
    name, engine = f"adapted-{shared}", {"lora": str(adapter)}
    with_adapter = ask(python, folder, model, name, tokens, owner, engine, strategy="pointwise")
    assert_scores(with_adapter, folder, model, tokens, adapter)
    with pytest.raises(AssertionError):
        assert_scores(with_adapter, folder, model, tokens)
    assert json.loads((folder / f"{name}.json").read_text())["model"]["adapter"] == str(adapter)


def test_a_missing_adapter_is_told_before_an_engine_starts(folder, model, tokens, tmp_path):
    path = folder / "missing.yaml"
    path.write_text(yaml.safe_dump({"name": "missing", **tokens}))
    settings = {"preset": str(path), "engine": {"lora": str(tmp_path / "none")}, "strategy": "pointwise", "depth": 3}
    job = rerank(engine_python(), folder, model, "missing", unset=("window", "stride", "max_tokens"), **settings)
    error = job.communicate(timeout=300)[1]
    assert job.returncode != 0
    assert "no such folder, and not to be had from the hub" in error
