"""Texts prepared as rank_llm prepares them for its models."""

import sys

import pytest

from rankk.errors import RankkError
from rankk.llm.tokenizers import CharacterCounter
from rankk.reranking import cleaning
from rankk.reranking.budget import fit
from rankk.reranking.cleaning import prepare
from rankk.reranking.presets import load_preset, presets

OF_RANK_LLM = ["rankzephyr", "first", "reasonrank", "reasonrank-8b"]
WORDS = {"rankzephyr", "first", "first-qwen3"}
"""Presets whose passages rank_llm cuts by words; ReasonRank's program cuts by tokens."""

PASSAGE = "  The cafÃ© &amp; \u201cbar\u201d [3]\n\n is o\ufb03cially\topen.\x00 "
QUERY = "what\u2019s \u201c&amp;\u201d in [12] cafÃ©s"


def shown(name, query, passages):
    """The last message's text of a preset's prompt."""
    settings = {"context": None, "answer_tokens": 100, "passage_tokens": 4096}
    return fit(load_preset(name), query, passages, CharacterCounter(), **settings).messages[-1].content


def test_rank_llms_models_are_asked_about_repaired_words_with_single_blanks():
    pytest.importorskip("ftfy")
    text = shown("rankzephyr", QUERY, [PASSAGE, "plain"])
    assert '\n[1] The café & "bar" (3) is officially open.\n[2] plain\n' in text
    assert """search query: what's "&amp;" in (12) cafés.\n""" in text
    assert '\n[A] The café & "bar" (3) is officially open.\n' in shown("first", QUERY, [PASSAGE, "plain"])


def test_reasonranks_texts_are_repaired_and_keep_their_lines():
    pytest.importorskip("ftfy")
    assert '\n[1] The café & "bar" (3)\n\n is officially\topen.\n[2] plain\n' in shown(
        "reasonrank", QUERY, [PASSAGE, "plain"]
    )


@pytest.mark.parametrize(("passages", "kept"), [(20, 300), (10, 600), (12, 500)])
def test_a_smaller_windows_passages_keep_more_words(passages, kept):
    preset = load_preset("rankzephyr").model_copy(update={"repair": False})
    _, texts = prepare(preset, "q", [" ".join(f"w{n}" for n in range(1000))] * passages)
    assert {len(text.split()) for text in texts} == {kept}
    assert texts[0].endswith(f" w{kept - 1}")


def test_the_prompt_fits_in_the_context_that_the_model_was_trained_with():
    preset = load_preset("rankzephyr").model_copy(update={"repair": False})
    counter, long = CharacterCounter(), "word " * 1000
    for context in (None, 32768):
        prompt = fit(preset, "q", [long] * 20, counter, context=context, answer_tokens=256, passage_tokens=4096)
        assert 3700 < counter.prompt_tokens(prompt) <= 4096 - 256
    prompt = fit(preset, "q", [long] * 20, counter, context=2048, answer_tokens=256, passage_tokens=4096)
    assert counter.prompt_tokens(prompt) <= 2048 - 256


def test_presets_say_how_their_texts_are_prepared():
    assert {preset.name for preset in presets() if preset.repair} == {*OF_RANK_LLM, "first-qwen3"}
    assert {
        preset.name: (preset.passage_words, preset.context) for preset in presets() if preset.passage_words
    } == dict.fromkeys(WORDS, (300, 4096)) | {"rankgpt": (300, None)}


def test_without_ftfy_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ftfy", None)
    cleaning._repaired.cache_clear()
    with pytest.raises(RankkError, match="ftfy, which is not installed: pip install ftfy"):
        prepare(load_preset("rankzephyr"), "q", ["p"])
