"""Backends as settings: a name and its settings side by side, and nothing that knows rerankers."""

import subprocess
import sys

import pytest

from rankk.config.reranker import Reranker
from rankk.config.translator import Translator
from rankk.config.validation import validate_reranker
from rankk.errors import RankkError
from rankk.llm.backends import BACKENDS

PRESETS = {"relevance-head": "querit"}
"""Presets of backends that take only their own prompts, where the names differ."""
SETTINGS = {
    "cross-encoder": {"batch_size": 4, "device": "cpu"},
    "late-interaction": {"batch_size": 4, "document_length": 200},
    "lit5": {"batch_size": 2, "max_length": 120},
    "openai": {"base_url": "http://localhost:8000/v1", "in_flight": 7, "patience": 3.0},
    "relevance-head": {"batch_size": 2, "max_length": 400},
    "replay": {"responses": "{collection}.jsonl"},
    "vllm": {"engine": {"tensor_parallel": 2, "max_num_seqs": 8}},
}


@pytest.mark.parametrize("name", BACKENDS.names())
def test_plain_data_of_a_reranker_or_translator_make_an_equal_one(name):
    own = BACKENDS.get(name).own_prompts
    made = [Reranker(preset=PRESETS.get(name, name) if own else "listwise", backend=name, **SETTINGS[name])]
    if own:
        with pytest.raises(ValueError, match=f"{name} takes no prompts but those of rerankers' presets"):
            Translator(model="m", backend=name)
    else:
        made.append(Translator(model="m", backend=name, **SETTINGS[name]))
    for settings in made:
        plain = settings.model_dump(mode="json")
        assert plain["backend"] == name
        assert SETTINGS[name].keys() <= plain.keys()
        assert type(settings)(**plain) == settings


def test_without_a_name_the_model_is_loaded_here_with_the_engine_s_gpus():
    assert Reranker().backend.name == "vllm"
    assert Reranker(engine={"tensor_parallel": 4, "data_parallel": 2}).backend.gpus == 8
    assert Reranker(backend="openai", base_url="http://x/v1").backend.gpus == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"backend": "grpc"},
            "x.yaml: backend: 'grpc': unknown; expected one of cross-encoder, late-interaction, lit5, openai, ",
        ),
        ({"backend": "openai"}, "x.yaml: base_url: missing"),
        ({"backend": "replay"}, "x.yaml: responses: missing"),
        ({"base_url": "http://x/v1"}, "x.yaml: base_url: is a setting of backend openai, not of vllm"),
        ({"backend": "replay", "responses": "x", "engine": {}}, "x.yaml: engine: is a setting of backend vllm"),
        ({"backend": "openai", "base_url": "http://x/v1", "in_flight": 0}, "x.yaml: in_flight: 0: input should be"),
        ({"engine": {"gpus": 2}}, "x.yaml: engine.gpus: unknown key"),
    ],
)
def test_a_fault_names_its_key(settings, message):
    with pytest.raises(RankkError) as caught:
        validate_reranker(settings, "x.yaml")
    assert str(caught.value).startswith(message)


def test_placeholders_of_stored_answers_are_filled_in():
    backend = Reranker(backend="replay", responses="{collection}/{language}.jsonl").backend
    filled = backend.filled(collection="dl19", language="eng")
    assert filled.input_files() == {"stored answers": "dl19/eng.jsonl"}


def test_models_are_asked_by_code_that_knows_no_rerankers_and_loads_nothing_heavy():
    code = """
import importlib, pkgutil, sys, rankk.llm, rankk.llm.backends
for package in (rankk.llm, rankk.llm.backends):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
unwanted = ("rankk.reranking", "rankk.config.reranker", "torch", "transformers", "pandas", "vllm")
print(*(name for name in unwanted if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
