"""The shipped presets, byte for byte, and a user's own."""

import subprocess
import sys
from pathlib import Path

import pytest

from rankk.errors import RankkError
from rankk.llm.types import Message, Prompt, Thinking
from rankk.reranking.parsers.digits import Digits
from rankk.reranking.presets import load_preset, presets
from rankk.reranking.prompts import render

PASSAGES = ["First passage.", "Second passage."]

RANK_K = (
    "\n"
    "Determine a ranking of the passages based on how relevant they are to the query. \n"
    "If the query is a question, how relevant a passage is depends on how well it answers the "
    "question. \n"
    "If not, try analyze the intent of the query and assess how well each passage satisfy the "
    "intent. \n"
    "The query may have typos and passages may contain contradicting information. \n"
    "However, we do not get into fact-checking. We just rank the passages based on they "
    "relevancy to the query. \n"
    "\n"
    "Sort them from the most relevant to the least. \n"
    "Answer with the passage number using a format of `[3] > [2] > [4] = [1] > [5]`. \n"
    "Ties are acceptable if they are equally relevant. \n"
    "I need you to be accurate but overthinking it is unnecessary.\n"
    "Output only the ordering without any other text.\n"
    "\n"
    "Query: QUERY\n"
    "\n"
    "[1] First passage.\n"
    "\n"
    "[2] Second passage.\n"
)
RANKZEPHYR_SYSTEM = (
    "You are RankLLM, an intelligent assistant that can rank passages based on their relevancy to the query"
)
RANKZEPHYR = (
    "I will provide you with 2 passages, each indicated by a numerical identifier []. Rank the "
    "passages based on their relevance to the search query: QUERY.\n"
    "[1] First passage.\n"
    "[2] Second passage.\n"
    "Search Query: QUERY.\n"
    "Rank the 2 passages above based on their relevance to the search query. All the passages "
    "should be included and listed using identifiers, in descending order of relevance. The "
    "output format should be [] > [], e.g., [2] > [1], Answer concisely and directly and only "
    "respond with the ranking results, do not say any word or explain."
)
REASONRANK_SYSTEM = (
    "You are RankLLM, an intelligent assistant that can rank passages based on their relevance "
    "to the query. Given a query and a passage list, you first thinks about the reasoning "
    "process in the mind and then provides the answer (i.e., the reranked passage list). The "
    "reasoning process and answer are enclosed within <think> </think> and <answer> </answer> "
    "tags, respectively, i.e., <think> reasoning process here </think> <answer> answer here "
    "</answer>."
)
REASONRANK = (
    "I will provide you with 2 passages, each indicated by a numerical identifier []. Rank the "
    "passages based on their relevance to the search query: QUERY.\n"
    "[1] First passage.\n"
    "[2] Second passage.\n"
    "Search Query: QUERY.\n"
    "Rank the 2 passages above based on their relevance to the search query. All the passages "
    "should be included and listed using identifiers, in descending order of relevance. The "
    "format of the answer should be [] > [], e.g., [2] > [1]."
)
RANK1 = (
    "Determine if the following passage is relevant to the query. Answer only with 'true' or "
    "'false'.\n"
    "Query: QUERY\n"
    "Passage: First passage.\n"
    "<think>"
)


@pytest.mark.parametrize("name", ["rank-k", "qwq"])
def test_rank_k_and_its_ablation_have_the_prompt_of_the_release(name: str) -> None:
    assert render(load_preset(name), "QUERY", PASSAGES) == Prompt((Message("user", RANK_K),))


def test_rankzephyr_has_the_prompt_of_the_release() -> None:
    expected = (Message("system", RANKZEPHYR_SYSTEM), Message("user", RANKZEPHYR))
    assert render(load_preset("rankzephyr"), "QUERY", PASSAGES) == Prompt(expected)


def test_reasonrank_has_the_prompt_of_the_release() -> None:
    expected = (Message("system", REASONRANK_SYSTEM), Message("user", REASONRANK))
    assert render(load_preset("reasonrank"), "QUERY", PASSAGES) == Prompt(expected)


def test_rank1_has_the_prompt_of_the_release() -> None:
    assert render(load_preset("rank1"), "QUERY", PASSAGES[:1]) == Prompt(text=RANK1)


def test_the_generic_preset_shows_query_and_passages() -> None:
    (message,) = render(load_preset("listwise"), "QUERY", PASSAGES).messages
    assert message.content.startswith("Order 2 passages by how well they answer a search query, best first.")
    assert (
        "\n\nQuery: QUERY\n\n[1] First passage.\n\n[2] Second passage.\n\nThe query again: QUERY\n\n" in message.content
    )


def test_decoding_is_the_recipe_of_each_release() -> None:
    rank_k, qwq, rank1 = (load_preset(name) for name in ("rank-k", "qwq", "rank1"))
    assert (rank_k.model, rank_k.defaults.temperature, rank_k.defaults.max_tokens) == ("hltcoe/Rank-K-32B", 0.5, 8000)
    assert rank_k.defaults.passage_tokens == 450
    assert rank_k.thinking == Thinking(opened_by_template=True)
    assert (qwq.model, qwq.defaults.temperature, qwq.defaults.top_p) == ("Qwen/QwQ-32B", 0.6, 0.95)
    assert (rank1.kind, rank1.positive, rank1.negative) == ("pointwise", " true", " false")
    assert (load_preset("rankzephyr").parser, load_preset("rankzephyr").thinking) == (Digits(), None)
    assert load_preset("reasonrank").defaults.max_tokens == 3172


def test_every_preset_names_itself_its_source_and_its_licence() -> None:
    found = {preset.name: preset for preset in presets()}
    assert sorted(found) == ["listwise", "qwq", "rank-k", "rank1", "rankzephyr", "reasonrank"]
    notice = (Path(__file__).parents[2] / "NOTICE").read_text(encoding="utf-8")
    for preset in found.values():
        assert load_preset(preset.name) == preset
        assert preset.licence in {"MIT", "Apache-2.0"}
        assert preset.source == "this project" or preset.source.split(",")[0] in notice


OWN = """
name: own
description: mine
source: me
licence: CC0-1.0
messages: [{role: user, content: "{query} {docs}"}]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "own.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_path_is_a_users_own_preset(tmp_path: Path) -> None:
    own = load_preset(write(tmp_path, OWN))
    assert own.name == "own"
    assert render(own, "q", ["a", "b"]).messages[0].content == "q [1] a\n[2] b"


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("windows: 3", "windows: unknown key"),
        ("defaults: {temperature: hot}", "defaults.temperature: "),
        ("defaults: {max_tokens: 0}", "defaults.max_tokens: "),
        ("parser: guess", "parser: "),
        ("thinking: {close: ''}", "thinking.close: "),
        ("text: '{query} {docs}'", "messages: expected either messages or text"),
        ("passage: '[{rank}]'", "passage: {passage} is missing"),
        ("messages: [{role: user, content: '{query}'}]", "messages: {docs} is missing"),
        ("messages: [{role: boss, content: '{query} {docs}'}]", "messages.0.role: "),
        ("a: [", "not YAML"),
    ],
)
def test_a_fault_in_a_preset_is_named_with_file_and_key_path(tmp_path: Path, extra: str, said: str) -> None:
    kept = "".join(line for line in OWN.splitlines(keepends=True) if line.partition(":")[0] != extra.partition(":")[0])
    path = write(tmp_path, f"{kept}{extra}\n")
    with pytest.raises(RankkError, match=r"own\.yaml(:\d+)?: ") as caught:
        load_preset(path)
    assert said in str(caught.value)


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(RankkError, match="'rankk': no such preset; expected one of listwise, qwq, rank-k"):
        load_preset("rankk")


def test_presets_load_without_heavy_packages() -> None:
    code = (
        "import sys, rankk.reranking.budget, rankk.reranking.parsers.ranking\n"
        "print({'torch', 'transformers'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
