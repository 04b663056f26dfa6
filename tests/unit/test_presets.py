"""The shipped presets, byte for byte, and a user's own."""

import subprocess
import sys
from pathlib import Path

import pytest

from rankk.config.reranker import Reranker
from rankk.errors import RankkError
from rankk.llm.tokenizers import ModelTokenizer
from rankk.llm.types import Message, Prompt, Thinking
from rankk.reranking.parsers.digits import Digits
from rankk.reranking.presets import Decoding, load_preset, names, presets
from rankk.reranking.prompts import render
from rankk.reranking.settings import resolve
from tests.unit.chatml import build_tokenizer

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
    "\n"
    "[1] First passage.\n"
    "[2] Second passage.\n"
    "Search Query: QUERY.\n"
    "Rank the 2 passages above based on their relevance to the search query. All the passages "
    "should be included and listed using identifiers, in descending order of relevance. The "
)
REASONRANK_7B = REASONRANK + "format of the answer should be [] > [], e.g., [2] > [1]."
REASONRANK_8B_SYSTEM = (
    "You are RankLLM, an intelligent assistant that can rank passages based on their relevance to the query."
)
REASONRANK_8B = REASONRANK + (
    "final ranked list should be enclosed within <answer> </answer> tags, i.e., <answer> ranked list here </answer>. "
    "The format of ranked list should be [] > [], e.g., [2] > [1]. Only respond with the ranking results, do not say "
    "any word or explain."
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
    expected = (Message("system", REASONRANK_SYSTEM), Message("user", REASONRANK_7B))
    assert render(load_preset("reasonrank"), "QUERY", PASSAGES) == Prompt(expected)
    expected = (Message("system", REASONRANK_8B_SYSTEM), Message("user", REASONRANK_8B))
    assert render(load_preset("reasonrank-8b"), "QUERY", PASSAGES) == Prompt(expected)


def test_rank1_has_the_prompt_of_the_release() -> None:
    assert render(load_preset("rank1"), "QUERY", PASSAGES[:1]) == Prompt(text=RANK1)


ZEPHYR_TEMPLATE = (  # of Zephyr (huggingface/alignment-handbook, Apache-2.0)
    "{% for message in messages %}\n{% if message['role'] == 'user' %}\n"
    "{{ '<|user|>\n' + message['content'] + eos_token }}\n{% elif message['role'] == 'system' %}\n"
    "{{ '<|system|>\n' + message['content'] + eos_token }}\n{% elif message['role'] == 'assistant' %}\n"
    "{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n{% endif %}\n"
    "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}"
)
CHATML = "<|im_start|>system\n{}<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"


def test_prompts_through_the_chat_templates_of_their_models(tmp_path: Path) -> None:
    """Whole prompts as text; the stand-in vocabulary's end of a sequence is <|im_end|>."""
    zephyr = ModelTokenizer(build_tokenizer(tmp_path / "zephyr", template=ZEPHYR_TEMPLATE, bos="<s>"))
    prompt = zephyr.render(render(load_preset("rankzephyr"), "QUERY", PASSAGES))
    assert prompt == f"<s><|system|>\n{RANKZEPHYR_SYSTEM}<|im_end|>\n<|user|>\n{RANKZEPHYR}<|im_end|>\n<|assistant|>\n"
    assert zephyr.ids(prompt)[0] == zephyr.ids("<s>")[0]
    qwen = ModelTokenizer(build_tokenizer(tmp_path / "qwen"))
    for name, system, user in (
        ("reasonrank", REASONRANK_SYSTEM, REASONRANK_7B),
        ("reasonrank-8b", REASONRANK_8B_SYSTEM, REASONRANK_8B),
    ):
        assert qwen.render(render(load_preset(name), "QUERY", PASSAGES)) == CHATML.format(system, user)
    qwq = ModelTokenizer(build_tokenizer(tmp_path / "qwq"), chat_template_kwargs={"thinking": True})
    for name in ("rank-k", "qwq"):
        prompt = qwq.render(render(load_preset(name), "QUERY", PASSAGES))
        assert prompt == f"<|im_start|>user\n{RANK_K}<|im_end|>\n<|im_start|>assistant\n<think>\n"
    assert qwen.render(render(load_preset("rank1"), "QUERY", PASSAGES[:1])) == RANK1


BRIGHT = (
    "Can you find background information about the concepts used to answer the question:\n\nQUERY {docs}\n\n"
    "A passage is relevant if it contains background information about a **sub-concept** that someone might cite/link "
    "to when answering the above question."
)
LEETCODE_END = (
    "this would be in the same book even though it could be in a different chapter. \n\n\n\nPassage: P\n<think>"
)


def test_rank1_asks_with_the_prompt_of_a_task_where_the_reranker_names_one() -> None:
    prompt = render(resolve(Reranker(preset="rank1", task="bright")).preset, "QUERY {docs}", ["P"]).text
    assert prompt == RANK1.replace("QUERY", BRIGHT).replace("First passage.", "P")
    leetcode = render(resolve(Reranker(preset="rank1", task="bright-leetcode")).preset, "QUERY", ["P"]).text
    assert leetcode.endswith(LEETCODE_END)
    assert "similarities to this:\n    \nQUERY\n\nDoes this" in leetcode
    assert Reranker(preset="rank1", task="bright").deciding() != Reranker(preset="rank1").deciding()
    with pytest.raises(ValueError, match="task: 'birght': preset rank1 has scifact, climate-fever, "):
        Reranker(preset="rank1", task="birght")


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
    assert qwq.defaults.top_k == 40
    assert (rank1.kind, rank1.positive, rank1.negative) == ("pointwise", " true", " false")
    assert (load_preset("rankzephyr").parser, load_preset("rankzephyr").thinking) == (Digits(), None)
    assert (rank1.defaults.max_tokens, rank1.defaults.passage_tokens) == (8192, 16000)
    assert load_preset("reasonrank").defaults == Decoding(max_tokens=3172, answer_tokens=100, passage_tokens=512)
    assert load_preset("reasonrank-8b").defaults == Decoding(
        temperature=0.6, top_p=0.95, top_k=20, max_tokens=3172, answer_tokens=100, passage_tokens=512
    )


def test_every_preset_names_itself_its_source_and_its_licence() -> None:
    found = {preset.name: preset for preset in presets()}
    assert set(found) == set(names()) >= {"listwise", "qwq", "rank-k", "rank1", "rankzephyr", "reasonrank"}
    notice = (Path(__file__).parents[2] / "NOTICE").read_text(encoding="utf-8")
    for preset in found.values():
        assert load_preset(preset.name) == preset
        assert preset.licence in {"MIT", "Apache-2.0"}
        assert preset.source == "this project" or (preset.source.split(",")[0] in notice and preset.deviations)


def test_every_preset_says_what_was_compared_with_what() -> None:
    for preset in presets():
        words = ("Full text", "compared with", "tests of preset") if preset.backend else ("Full text",)
        assert any(text in preset.verified for text in words), preset.name


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
        ("tasks: {a: '{docs}'}", "tasks.a: {query} is missing"),
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
    with pytest.raises(RankkError, match="'rankk': no such preset; expected one of best-worst, bge-reranker, "):
        load_preset("rankk")


def test_presets_load_without_heavy_packages() -> None:
    code = (
        "import sys, rankk.reranking.budget, rankk.reranking.parsers.ranking\n"
        "print({'torch', 'transformers'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
