"""`rankk presets`: the table of families, one preset in full, and what fits a model of the user's."""

import json
from importlib.resources import files
from pathlib import Path

import pytest

from rankk.errors import RankkError
from rankk.families import checked, show, table
from rankk.plan.gpus import SHAPES, sensible_gpu
from rankk.reranking.presets import load_preset, names, presets
from tests.unit.chatml import TEMPLATE, build_tokenizer


def trl(name: str) -> str:
    """A chat template of TRL's."""
    return files("trl").joinpath("chat_templates", f"{name}.jinja").read_text("utf-8")


def found(name: str, folder: Path) -> str:
    """What is said of one preset, on one line."""
    return " ".join(" ".join(checked([load_preset(name)], folder)).split())


def test_the_table_names_size_gpu_thinking_licence_and_source_of_every_family() -> None:
    lines = list(table(presets()))
    assert lines[0].split()[:4] == ["preset", "family", "kind", "thinking"]
    assert [line.split()[0] for line in lines[1:-2] if line[0] != " "] == names()
    row = next(line for line in lines if "Qwen/Qwen3-Reranker-4B" in line)
    assert row.split() == ["Qwen/Qwen3-Reranker-4B", "4B", "12", "GiB", "Apache-2.0"]
    assert next(line for line in lines if line.startswith("gpt-oss ")).split()[2:5] == [
        "listwise",
        "effort",
        "openai/gpt-oss-20b",
    ]
    assert next(line for line in lines if line.startswith("rank-r1 ")).split()[2] == "setwise"
    assert next(line for line in lines if line.startswith("rank-k ")).endswith("hltcoe/rank-k (MIT)")


def test_every_model_that_an_engine_runs_has_its_shape() -> None:
    models = {model for preset in presets() if not preset.backend for model in {*preset.models, preset.model} - {None}}
    assert models - SHAPES.keys() == set()


def test_a_gpu_is_sensible_that_holds_the_weights_and_a_few_calls() -> None:
    small, large = SHAPES["Qwen/Qwen3-Reranker-0.6B"], SHAPES["hltcoe/Rank-K-32B"]
    assert sensible_gpu(small, 1000) == "8 GiB"
    assert sensible_gpu(large, 1000) == "80 GiB"
    assert sensible_gpu(large, 20000) == "141 GiB"
    assert sensible_gpu(SHAPES["deepseek-ai/DeepSeek-V3.1"], 1000) == "8 × 141 GiB"


def test_one_preset_is_shown_with_what_was_verified_and_what_deviates(capsys: pytest.CaptureFixture[str]) -> None:
    show("rank1", None)
    shown = capsys.readouterr().out
    words = " ".join(shown.split())
    assert "passage_tokens 16000" in shown
    assert "tasks: scifact, " in shown
    assert "verified: Full text in a test, read in the repository" in words
    assert "deviations: The tokens are read in a call of their own" in words
    assert "Passage: {docs}\n<think>\n" in shown
    show("rearank", None)
    assert "── assistant (for every passage)\nReceived passage [{rank}].\n" in capsys.readouterr().out


def test_a_model_that_fits_has_nothing_to_lose(tmp_path: Path) -> None:
    folder = build_tokenizer(tmp_path, template=trl("qwen3"))
    for name in ("qwen3", "qwen3-direct", "rankzephyr", "reasonrank-8b", "first-qwen3"):
        assert found(name, folder) == f"{name}: fits"


def test_lost_messages_and_tags_are_told(tmp_path: Path) -> None:
    users = "{% for m in messages if m.role == 'user' %}<|im_start|>{{ m.content }}<|im_end|>\n{% endfor %}"
    folder = build_tokenizer(tmp_path / "users", template=users)
    assert found("rankzephyr", folder).startswith(
        "rankzephyr: fits, but - the chat template drops messages of the role system, or changes them"
    )
    assert "ends an answer with '<|im_start|>', its tokenizer says '<|im_end|>'" in found("rankzephyr", folder)
    assert "- the chat template drops messages of the role assistant, or changes them" in found("rearank", folder)
    opened = TEMPLATE.replace("{% if thinking %}<think>\n{% endif %}", "<think>\n")
    folder = build_tokenizer(tmp_path / "opened", template=opened)
    assert "the chat template opens the thought itself" in found("listwise", folder)
    assert "opens a thought (<think>), the preset expects an answer at once" in found("rankzephyr", folder)
    assert found("deepseek-r1", folder) == "deepseek-r1: fits"
    folder = build_tokenizer(tmp_path / "closed", template=users)
    assert "the preset expects the chat template to end with <think>, which it does not" in found("deepseek-r1", folder)
    assert "<reason> and </reason> are not single tokens" in found("grouprank", folder)


def test_tokens_that_the_model_does_not_have_are_told(tmp_path: Path) -> None:
    folder = build_tokenizer(tmp_path, template=trl("qwen3"))
    told = "no tokens of this model, so that their probabilities cannot be read: ['Yes', 'No']"
    assert found("yes-no", folder) == f"yes-no: does not fit: {told}"
    assert found("first-qwen3", folder) == "first-qwen3: fits"
    assert "are none of this model: <|no|>" in " ".join(
        checked([load_preset({"name": "x", "text": "<|im_start|>{query}<|no|>{docs}"})], folder)
    )


def test_a_template_that_refuses_a_prompt_or_an_argument_does_not_fit(tmp_path: Path) -> None:
    folder = build_tokenizer(tmp_path, template="{{ raise_exception('System role not supported') }}")
    assert found("listwise", folder) == (
        "listwise: does not fit: its chat template does not take this prompt: System role not supported"
    )
    assert (
        found("gpt-oss", folder)
        == "gpt-oss: does not fit: its chat template does not use reasoning_effort; leave it out"
    )
    qwen3 = build_tokenizer(tmp_path / "qwen3", template=trl("qwen3"))
    told = "deepseek-v3.1: does not fit: its chat template does not use thinking; leave it out"
    assert found("deepseek-v3.1", qwen3) == told, "enable_thinking is another argument"
    with pytest.raises(RankkError, match="no such folder"):
        list(checked(presets(), tmp_path / "none"))


def test_a_system_message_that_the_template_adds_is_told(tmp_path: Path) -> None:
    folder = build_tokenizer(tmp_path, template=trl("qwen2_5"))
    assert "adds a system message of its own: system You are Qwen, created by Alibaba Cloud." in found(
        "listwise", folder
    )
    assert "adds a system message" not in found("rank-r1", folder)


def test_a_context_that_is_too_short_for_a_full_call_is_told(tmp_path: Path) -> None:
    folder = build_tokenizer(tmp_path, template=trl("qwen3"))
    (folder / "config.json").write_text('{"model_type": "qwen3", "max_position_embeddings": 4096}')
    assert "its context of 4096 tokens is shorter than a full call" in found("qwen3", folder)


def test_a_model_without_template_end_or_words_is_told_as_such(tmp_path: Path) -> None:
    folder = build_tokenizer(tmp_path / "base", template=None)
    assert (
        found("listwise", folder) == "listwise: does not fit: its chat template does not take this prompt: it has none"
    )
    told = "no tokens of this model, so that their probabilities cannot be read: [' true', ' false']"
    assert found("rank1", folder) == f"rank1: does not fit: {told}", "of a vocabulary of 400 tokens"
    (folder / "config.json").write_text('{"architectures": ["BertForSequenceClassification"]}')
    assert found("rank1", folder) == "rank1: does not fit: the model writes no text (BertForSequenceClassification)"
    assert found("cross-encoder", folder) == "cross-encoder: fits"
    tokens = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "config.json").unlink()
    (folder / "tokenizer_config.json").write_text(json.dumps({**tokens, "eos_token": None}))
    raw = load_preset({"name": "x", "text": "{query} {docs}"})
    assert "its tokenizer names no token that ends an answer" in " ".join(checked([raw], folder))
