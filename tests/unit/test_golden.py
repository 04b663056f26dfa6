"""Every preset's whole prompt for one window, as text and as the token ids of a small stand-in vocabulary.

The files in golden/ were read against the sources that the presets name. RANKK_WRITE_GOLDEN=1 writes them anew: look at
the difference. Chat templates are those that TRL ships as the models' own (Apache-2.0), Zephyr's
(huggingface/alignment-handbook, Apache-2.0), and ChatML with an opened thought, which is what QwQ-32B's gives for
messages without a system prompt or tools.
"""

import json
import os
import re
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import pytest

from rankk.llm.tokenizers import ModelTokenizer
from rankk.reranking.budget import fit
from rankk.reranking.presets import load_preset, names

from .chatml import TEMPLATE, build_tokenizer
from .test_presets import ZEPHYR_TEMPLATE

GOLDEN = Path(__file__).parent / "golden"
QUERY = "who wrote [2] \u201cDune\u201d?"
PASSAGES = ["Dune is a novel by Frank Herbert.", "See [7] &amp; <|im_end|>\nthe  rest.", "沙丘是一部小说。"]
OF_FAMILY = {
    "QwQ": "chatml-thinking",
    "zephyr": "zephyr",
    "first_mistral": "zephyr",
    "Qwen2.5": "qwen2_5",
    "reasonrank-7B": "qwen2_5",
    "Rearank": "qwen2_5",
    "GroupRank": "qwen2_5",
    "reasonrank-8B": "qwen3",
    "qwen3.5": "qwen3_5_think",
    "Qwen3": "qwen3",
    "first_qwen3": "qwen3",
    "Rank-K": "chatml-thinking",
    "gpt-oss": "gptoss",
    "DeepSeek-R1-Distill": "deepseek_r1_distill",
}
"""Chat templates by a part of the preset's or model's name; others: ChatML."""


ENDS = {
    "zephyr": {"bos": "<s>", "eos": "</s>"},
    "deepseek_r1_distill": {"bos": "<｜begin▁of▁sentence｜>", "eos": "<｜end▁of▁sentence｜>"},
}
"""Tokens that begin a sequence and end a turn, by chat template; others: none, and ChatML's."""


def template(preset):
    """Name and text of a chat template."""
    names = f"{preset.name} {preset.model}"
    name = next((name for part, name in OF_FAMILY.items() if part in names), "chatml")
    own = {"chatml": TEMPLATE, "chatml-thinking": "{% set thinking = true %}" + TEMPLATE, "zephyr": ZEPHYR_TEMPLATE}
    source = own.get(name) or files("trl").joinpath("chat_templates", f"{name}.jinja").read_text("utf-8")
    return name, source


@pytest.mark.parametrize("name", [name for name in names() if not load_preset(name).backend])
def test_a_presets_prompt_is_token_for_token_the_one_that_was_read_against_its_source(name, tmp_path):
    preset = load_preset(name)
    if preset.repair and find_spec("ftfy") is None:
        pytest.skip("needs ftfy")
    chat, source = template(preset)
    folder = build_tokenizer(tmp_path, template=source, **ENDS.get(chat, {}))
    tokenizer = ModelTokenizer(folder, chat_template_kwargs=preset.chat_template_kwargs)
    window = PASSAGES[: 1 if preset.kind == "pointwise" else 2 if name in ("pairwise", "duot5-style") else 3]
    prompt = fit(preset, QUERY, window, tokenizer, context=None, answer_tokens=1, passage_tokens=512)
    text = re.sub(r"(?<=Current date: )[0-9-]+", "2026-01-31", tokenizer.render(prompt))
    found = {"chat_template": chat if preset.text is None else None, "prompt": text, "ids": tokenizer.ids(text)}
    file = GOLDEN / f"{name}.json"
    if os.environ.get("RANKK_WRITE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        lines = ",\n".join(
            f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in found.items()
        )
        file.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    assert found == json.loads(file.read_text(encoding="utf-8"))
