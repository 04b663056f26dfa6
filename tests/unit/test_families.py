"""The presets of model families: whole prompts through the families' chat templates, and answers known by hand.

The chat templates are those that TRL ships as the models' own (Apache-2.0).
"""

import json
import math
from importlib.resources import files
from pathlib import Path

import pytest

from rankk.api import RerankResult, rerank
from rankk.config.loading import check
from rankk.config.reranker import Reranker
from rankk.config.validation import validate_reranker
from rankk.errors import RankkError
from rankk.io.trec import read_run
from rankk.llm.thinking import closed_thought, opening_text
from rankk.llm.tokenizers import CharacterCounter, ModelTokenizer
from rankk.llm.types import Completion, Message, Prompt
from rankk.reranking.budget import fit
from rankk.reranking.cell import rerank_cell
from rankk.reranking.presets import load_preset
from rankk.reranking.prompts import render
from rankk.reranking.settings import resolve
from rankk.reranking.types import Answer, Outcome
from rankk.stages import Stages
from tests.fake_server import FakeServer, Reply
from tests.unit.chatml import build_tokenizer

TWO = ["First passage.", "Second passage."]
CHATML = "<|im_start|>system\n{}<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
USER = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"


def rendered(folder: Path, template: str | None, preset: str, passages: list[str] = TWO, **settings: object) -> str:
    """The whole prompt of a preset through a chat template of TRL's."""
    source = files("trl").joinpath("chat_templates", f"{template}.jinja").read_text("utf-8") if template else None
    asked = resolve(Reranker(preset=preset, model="m", **({"strategy": "single", "window": 2} | settings))).preset
    tokenizer = ModelTokenizer(
        build_tokenizer(folder, template=source), chat_template_kwargs=asked.chat_template_kwargs
    )
    return tokenizer.render(render(asked, "QUERY", passages))


QWEN3_RERANKER = (
    "<|im_start|>system\n"
    "Judge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the "
    'answer can only be "yes" or "no".<|im_end|>\n'
    "<|im_start|>user\n"
    "<Instruct>: Given a web search query, retrieve relevant passages that answer the query\n"
    "<Query>: QUERY\n"
    "<Document>: First passage.<|im_end|>\n"
    "<|im_start|>assistant\n"
    "<think>\n\n</think>\n\n"
)


def test_qwen3_reranker_has_the_prompt_of_its_card_which_qwen3s_template_gives_too(tmp_path: Path) -> None:
    assert render(load_preset("qwen3-reranker"), "QUERY", TWO[:1]).text == QWEN3_RERANKER
    source = files("trl").joinpath("chat_templates", "qwen3.jinja").read_text("utf-8")
    tokenizer = ModelTokenizer(
        build_tokenizer(tmp_path, template=source), chat_template_kwargs={"enable_thinking": False}
    )
    system, user = (part.partition("\n")[2] for part in QWEN3_RERANKER.split("<|im_end|>\n")[:2])
    assert tokenizer.render(Prompt((Message("system", system), Message("user", user)))) == QWEN3_RERANKER
    assert Reranker(preset="qwen3-reranker").strategy.name == "pointwise"


FIRST_SYSTEM = "You are RankLLM, an intelligent assistant that can rank passages based on their relevancy to the query"
FIRST = (
    "I will provide you with 2 passages, each indicated by an alphabetical identifier []. Rank the passages based on "
    "their relevance to the search query: QUERY.\n"
    "[A] First passage.\n"
    "[B] Second passage.\n"
    "Search Query: QUERY.\n"
    "Rank the 2 passages above based on their relevance to the search query. All the passages should be included and "
    "listed using identifiers, in descending order of relevance. The output format should be [] > [], e.g., [B] > [A], "
    "Answer concisely and directly and only respond with the ranking results, do not say any word or explain."
)
RANK_R1_SYSTEM = (
    "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant "
    "first thinks about the reasoning process in the mind and then provides the user with the answer. The reasoning "
    "process and answer are enclosed within <think> </think> and <answer> </answer> tags, respectively, i.e., <think> "
    "reasoning process here </think> <answer> answer here </answer>."
)
RANK_R1 = (
    'Given the query: "QUERY", which of the following documents is most relevant?\n'
    "[1] First passage.\n"
    "[2] Second passage.\n"
    "After completing the reasoning process, please provide only the label of the most relevant document to the query, "
    "enclosed in square brackets, within the answer tags. For example, if the third document is the most relevant, the "
    "answer should be: <think> reasoning process here </think> <answer>[3]</answer>."
)
RANK_R1_2_SYSTEM = (
    "You are RankLLM, an intelligent assistant capable of evaluating the relevancy of passages to a given query."
)
RANK_R1_2 = (
    "You will be presented with a query, and a set of documents.\n\n"
    "Your task consists of the following step:\n\n"
    "1. Analyze the query: Carefully read the query and identify the core problem or question being asked.\n\n"
    "2. Analyze the documents: Thoroughly examine each document and briefly explain how each document is relevant or "
    "not relevant to the query.\n\n"
    "3. Find the most relevant document: Based on your analysis, select the most relevant document to the query from "
    "the set and briefly explain why.\n\n"
    "Important: Provide your analysis within the <think> </think> tags and answer only the label of the most relevant "
    "document, enclosed in square brackets, within the <answer> </answer> tags. For example, if the third document is "
    "the most relevant, your response should be:\n"
    "<think> Your analysis here </think>\n"
    "<answer>[3]</answer>\n\n"
    "Here is the query: QUERY\n\n"
    "Here are the documents:\n"
    "[1]: First passage.\n\n"
    "[2]: Second passage."
)
SETWISE = {"strategy": "setwise", "window": 3, "top_k": 1}


def test_first_has_the_prompt_of_rank_llm_and_begins_the_answer(tmp_path: Path) -> None:
    messages = render(load_preset("first"), "QUERY", TWO)
    assert messages.messages == (Message("system", FIRST_SYSTEM), Message("user", FIRST))
    assert messages.prefix == "["
    prompt = rendered(tmp_path, "qwen3", "first-qwen3")
    assert prompt == CHATML.format(FIRST_SYSTEM, FIRST) + "<think>\n\n</think>\n\n["


def test_rank_r1_has_the_prompts_of_the_release(tmp_path: Path) -> None:
    prompt = rendered(tmp_path / "1", "qwen2_5", "rank-r1", **SETWISE)
    assert prompt == CHATML.format(RANK_R1_SYSTEM, RANK_R1)
    prompt = rendered(tmp_path / "2", "qwen3", "rank-r1-v0.2", **SETWISE)
    assert prompt == CHATML.format(RANK_R1_2_SYSTEM, RANK_R1_2)


REARANK_SYSTEM = (
    "You are DeepRerank, an intelligent assistant that can rank passages based on their relevancy to the search query. "
    "You first thinks about the reasoning process in the mind and then provides the user with the answer."
)
REARANK_FIRST = (
    "I will provide you with passages, each indicated by number identifier []. Rank the passages based on their "
    "relevance to the search query.Search Query: QUERY. \nRank the 2 passages above based on their relevance to the "
    "search query.The passages should be listed in descending order using identifiers. The most relevant passages "
    "should be listed first. The output format should be <answer> [] > [] </answer>, e.g., <answer> [1] > [2] "
    "</answer>."
)
REARANK_LAST = (
    'Please rank these passages according to their relevance to the search query: "QUERY"\n'
    "            Follow these steps exactly:\n"
    "            1. First, within <think> tags, analyze EACH passage individually:\n"
    "            - Evaluate how well it addresses the query\n"
    "            - Note specific relevant information or keywords\n"
    "\n"
    "            2. Then, within <answer> tags, provide ONLY the final ranking in descending order of relevance using "
    "the format: [X] > [Y] > [Z]"
)


def test_rearank_is_asked_over_several_turns(tmp_path: Path) -> None:
    turns = [
        ("system", REARANK_SYSTEM),
        ("user", REARANK_FIRST),
        ("assistant", "Okay, please provide the passages."),
        ("user", "[1] First passage."),
        ("assistant", "Received passage [1]."),
        ("user", "[2] Second passage."),
        ("assistant", "Received passage [2]."),
        ("user", REARANK_LAST),
    ]
    expected = "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in turns)
    assert rendered(tmp_path, "qwen2_5", "rearank") == f"{expected}<|im_start|>assistant\n"


def test_passages_are_cut_at_characters_and_put_on_one_line_where_the_authors_do_so() -> None:
    asked = {"context": None, "answer_tokens": 1, "passage_tokens": 9999}
    long = "two  blanks\nand a break " + "x" * 5000
    shown = fit(load_preset("rearank"), "q", [long], CharacterCounter(), **asked).messages[3].content
    assert shown == "[1] two blanks and a break " + "x" * (400 - len("two blanks and a break "))
    shown = fit(load_preset("grouprank"), "q", [long], CharacterCounter(), **asked).messages[1].content
    assert f"\n[1]. two blanks and a break {'x' * (3000 - 23)}\n\n\n\n## Final" in shown


GROUPRANK_USER = (
    "I will provide you 2 documents, each indicated by a numerical identifier []. Score these documents based on their "
    "Usefulness and Relevance to the query.\n"
    "Query:\nQUERY\n\n"
    "Documents:\n[1]. First passage.\n\n[2]. Second passage.\n\n\n\n"
    "## Final Output Format\n"
    "You must structure your response in exactly two parts: provide your brief reasoning process first, then output "
    "final scores in JSON format like below, with document IDs as string keys and integer scores as values for all 2 "
    "documents. \n"
    "The reasoning process and answer are enclosed within <reason> </reason> and <answer> </answer> tags, "
    "respectively. Do NOT output anything outside the specified tags. Follow this exact format:\n"
    "<reason> \n"
    "[Analyze each document's usefulness and relevance to the query, explaining your scoring rationale]\n"
    "</reason>\n"
    "<answer> \n"
    '```json\n{"[1]": 5, "[2]": 3, "[3]": 8}\n``` \n'
    "</answer>\n"
)
GROUPRANK_SYSTEM = """\
Your task is to evaluate and rank documents based on how well they help answer the given query. Follow this evaluation \
priority:
1. PRIMARY: Usefulness & Helpfulness - Does the document provide actionable information, solutions, or direct answers \
that help address the user's needs?
2. SECONDARY: Relevance - Does the document contain information related to the query topic?

Evaluation Process:
1. First, identify the user's core intent and what kind of help they need from the query
2. For each document, assess:
   - How directly it addresses the user's intent
   - What actionable information or answers it provides
   - How much it helps solve the user's problem or need
3. Compare documents against each other to ensure proper ranking
4. Assign scores that reflect the relative usefulness ranking

Scoring Scale (0-10):
- 9-10: Extremely helpful, directly answers the query with actionable information
- 7-8: Very helpful, provides substantial useful information for the query
- 5-6: Moderately helpful, contains some useful information but incomplete
- 3-4: Minimally helpful, limited useful information despite topic relevance
- 1-2: Barely helpful, mentions related topics but provides little useful information
- 0: Not helpful at all, cannot assist with answering the query
"""


def test_grouprank_has_the_prompt_of_the_release(tmp_path: Path) -> None:
    assert rendered(tmp_path, "qwen2_5", "grouprank") == CHATML.format(GROUPRANK_SYSTEM, GROUPRANK_USER)


def test_single_prompts_of_scorers_and_pairs() -> None:
    assert render(load_preset("monot5-style"), "Q", ["P"]).text == "Query: Q Document: P Relevant:"
    assert render(load_preset("duot5-style"), "Q", ["P", "R"]).text == "Query: Q Document0: P Document1: R Relevant:"
    pair = render(load_preset("pairwise"), "Q", ["P", "R"])
    (message,) = pair.messages
    assert message.content == (
        'Given a query "Q", which of the following two passages is more relevant to the query?\n\n'
        'Passage A: "P"\n\nPassage B: "R"\n\nOutput Passage A or Passage B:'
    )
    assert pair.prefix == " Passage:"
    (message,) = render(load_preset("yes-no"), "Q", ["P"]).messages
    assert message.content.startswith("Does the passage answer the search query, or help to answer it? The query and")
    assert message.content.endswith("\n\nQuery: Q\n\nPassage: P\n\nAnswer with Yes or No and nothing else.")
    for name in ("cross-encoder", "bge-reranker", "late-interaction"):
        assert [message.content for message in render(load_preset(name), "Q", ["P"]).messages] == ["Q", "P"]


def test_rankgpt_is_asked_over_several_turns() -> None:
    messages = render(load_preset("rankgpt"), "QUERY", TWO).messages
    assert [message.role for message in messages] == ["system", *["user", "assistant"] * 3, "user"]
    assert messages[1].content == (
        "I will provide you with 2 passages, each indicated by number identifier [].\n"
        "Rank the passages based on their relevance to query: QUERY."
    )
    assert [message.content for message in messages[3:7]] == [
        *("[1] First passage.", "Received passage [1].", "[2] Second passage.", "Received passage [2]."),
    ]
    assert messages[7].content.startswith("Search Query: QUERY.\nRank the 2 passages above based on their relevance")


LISTWISE = render(load_preset("listwise"), "QUERY", TWO).messages[0].content


@pytest.mark.parametrize(
    ("preset", "template", "expected"),
    [
        ("qwen3", "qwen3", USER.format(LISTWISE)),
        ("qwen3-direct", "qwen3", USER.format(LISTWISE) + "<think>\n\n</think>\n\n"),
        ("qwen3.5", "qwen3_5_think", USER.format(LISTWISE) + "<think>\n"),
        ("qwen3-direct", "qwen3_5_think", USER.format(LISTWISE) + "<think>\n\n</think>\n\n"),
        ("deepseek-r1", "deepseek_r1_distill", f"<｜User｜>{LISTWISE}<｜Assistant｜><think>\n"),
    ],
)
def test_modes_of_thinking_through_the_families_chat_templates(
    tmp_path: Path, preset: str, template: str, expected: str
) -> None:
    prompt = rendered(tmp_path, template, preset)
    assert prompt == expected
    thinking = load_preset(preset).thinking
    assert (thinking is None) == ("</think>" in prompt)
    assert (thinking is not None and thinking.opened_by_template) == prompt.endswith("<think>\n")


@pytest.mark.parametrize("effort", ["low", "high"])
def test_gpt_oss_is_told_the_effort_and_answers_in_its_final_channel(tmp_path: Path, effort: str) -> None:
    prompt = rendered(tmp_path, "gptoss", "gpt-oss", reasoning_effort=effort)
    assert f"\n\nReasoning: {effort}\n\n# Valid channels: analysis, commentary, final." in prompt
    assert prompt.endswith(f"<|start|>user<|message|>{LISTWISE}<|end|><|start|>assistant")
    preset = load_preset("gpt-oss")
    answer = "<|channel|>analysis<|message|>[1] is bad.<|end|><|start|>assistant<|channel|>final<|message|>[2] > [1]"
    assert preset.parser.parse(Completion(answer, "stop"), 2, preset.thinking) == Answer(((1,), (0,)), Outcome.OK)
    assert preset.thinking
    assert opening_text(preset.thinking) == "<|channel|>analysis<|message|>"
    assert closed_thought(preset.thinking, "so") == (
        "<|channel|>analysis<|message|>so<|end|><|start|>assistant<|channel|>final<|message|>"
    )


def test_an_argument_that_the_chat_template_does_not_know_is_an_error_and_not_ignored(tmp_path: Path) -> None:
    with pytest.raises(RankkError, match="its chat template does not use reasoning_effort"):
        rendered(tmp_path, "qwen3", "qwen3", reasoning_effort="low")


def parsed(preset: str, text: str, n: int, **completion: object) -> Answer:
    chosen = load_preset(preset)
    return chosen.parser.parse(
        Completion(text, str(completion.pop("reason", "stop")), **completion), n, chosen.thinking
    )


def test_first_orders_by_the_probability_of_the_letters() -> None:
    likely = {"B": math.log(0.5), "C": math.log(0.2), "Z": math.log(0.1), "A": math.log(0.05), "b": -0.1}
    assert parsed("first", "B", 3, reason="length", first_logprobs=likely) == Answer(((1,), (2,), (0,)), Outcome.OK)
    assert parsed("first", "B", 4, reason="length", first_logprobs=likely) == Answer(
        ((1,), (2,), (0,)), Outcome.PARTIAL
    )
    tied = {"B": -1.0, "A": -1.0}
    assert parsed("first", "B", 2, first_logprobs=tied).groups == ((0, 1),)
    assert parsed("pairwise", " B", 2, first_logprobs={" A": -2.0, " B": -0.1, "A": 0.0}).groups == ((1,), (0,))
    assert parsed("duot5-style", " true", 2, first_logprobs={" true": -0.1, " false": -2.0}).groups == ((0,), (1,))


def test_letters_are_read_from_text_as_well() -> None:
    parser = Reranker(preset="first", parser="letters").parser
    assert parser
    assert parser.parse(Completion("B] > [A] > [C]", "stop"), 3, None) == Answer(((1,), (0,), (2,)), Outcome.OK)
    assert parser.parse(Completion("Sure: [C] > [C] > [Q]", "stop"), 3, None) == Answer(
        ((2,),), Outcome.PARTIAL, ("duplicate", "format", "out of range")
    )


def test_rank_r1_names_the_best_passage() -> None:
    answer = '<think> The query is "Give me passage 6", [6] matches. </think>\n<answer>[6]</answer>'
    assert parsed("rank-r1", answer, 20) == Answer(((5,),), Outcome.OK)
    assert parsed("rank-r1", "<think> [6] matches", 20, reason="length").outcome == Outcome.TRUNCATED
    assert parsed("rank-r1", "<think>.</think> <answer>[2] > [3]</answer>", 20) == Answer(
        ((1,),), Outcome.REPAIRED, ("several",)
    )


def grouprank(answer: str) -> str:
    return f"<reason> [1] is weak, [3] is best. </reason>\n<answer> \n{answer} \n</answer>"


def test_grouprank_grades_every_passage() -> None:
    asked = grouprank('```json\n{"[1]": 2, "[2]": 9, "[3]": 9}\n```')
    assert parsed("grouprank", asked, 3) == Answer(((1, 2), (0,)), Outcome.OK, (), ((0, 2.0), (1, 9.0), (2, 9.0)))
    in_lines = grouprank("[1]: 2/10\n[2]: 9/10\n[3]: 1/10")
    assert parsed("grouprank", in_lines, 3).grades == ((0, 2.0), (1, 9.0), (2, 1.0))
    some = parsed("grouprank", grouprank('{"[1]": 2, "[4]": 9, "[2]": 0}'), 3)
    assert some == Answer(((0,), (1,)), Outcome.PARTIAL, ("out of range",), ((0, 2.0), (1, 0.0)))


@pytest.mark.parametrize(
    "answer", ["[2] > [1]", '{"[1]": "good", "[2]": 3}', '{"[1]": 1, "[1].": 2, "[2]": 3}', "I cannot grade them."]
)
def test_grouprank_takes_no_grades_from_other_answers(answer: str) -> None:
    assert parsed("grouprank", grouprank(answer), 2).grades == ()


def test_grouprank_averages_the_grades_over_the_rounds_as_its_authors_do(tmp_path: Path) -> None:
    """One round's answers grade every passage, the other's hold no grades in one group: 0 for its passages."""
    docids = [f"d{number}" for number in range(6)]
    answers = ['{"[1]": 8, "[2]": 3, "[3]": 5}', '{"[1]": 8, "[2]": 1, "[3]": 9}', "none", '{"[1]": 4, "[3]": 6}']
    (tmp_path / "first.trec").write_text("".join(f"1 Q0 {docid} {n} {9 - n} x\n" for n, docid in enumerate(docids, 1)))
    (tmp_path / "queries.tsv").write_text("1\tgeese\n")
    (tmp_path / "passages.jsonl").write_text("".join(f'{{"id": "{d}", "contents": "text of {d}"}}\n' for d in docids))
    stored = [{"qid": "1", "call": call, "response": grouprank(answer)} for call, answer in enumerate(answers)]
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(each) + "\n" for each in stored))
    settings = {"preset": "grouprank", "backend": "replay", "responses": str(tmp_path / "answers.jsonl")}
    output = tmp_path / "cell" / "out.trec"
    output.parent.mkdir()
    rerank_cell(
        validate_reranker(settings | {"window": 3, "depth": 6}, "reranker"),
        run=tmp_path / "first.trec",
        queries=tmp_path / "queries.tsv",
        passages=tmp_path / "passages.jsonl",
        output=output,
    )
    calls = [json.loads(line) for line in output.with_suffix(".calls.jsonl").read_text().splitlines()]
    windows = {each["call"]: each["window"] for each in calls if "window" in each}
    assert all(sorted(windows[number] + windows[number + 1]) == docids for number in (0, 2))
    assert any(window != sorted(window) for window in windows.values())  # shown as shuffled
    given: dict[str, list[int]] = {docid: [] for docid in docids}
    for call, window in windows.items():
        grades = json.loads(answers[call]) if answers[call] != "none" else dict.fromkeys(("[1]", "[2]", "[3]"), 0)
        for identifier, grade in grades.items():
            given[window[int(identifier.strip("[]")) - 1]].append(grade)
    means = {docid: sum(grades) / len(grades) for docid, grades in given.items()}
    assert [hit.docid for hit in read_run(output)["1"]] == sorted(docids, key=lambda docid: -means[docid])


def test_rearank_answers_between_its_tags() -> None:
    assert parsed("rearank", "<think> [1] no. [2] yes. </think> <answer> [2] > [1] </answer>", 2) == Answer(
        ((1,), (0,)), Outcome.OK
    )


def test_what_does_not_fit_a_family_is_refused() -> None:
    for settings, message in (
        (
            {"preset": "rank-r1", "strategy": "sliding"},
            "sliding needs the order of a window, parser best reads its best",
        ),
        ({"preset": "first", "window": 30, "stride": 10}, "tells 26 apart: set window: 26"),
        ({"preset": "pairwise"}, "tells 2 apart: set window: 2, stride: 1"),
        ({"preset": "cross-encoder", "backend": "vllm"}, "preset cross-encoder is for backend cross-encoder"),
        ({"preset": "listwise", "backend": "cross-encoder"}, "takes no prompts but those of presets for it"),
        ({"preset": "monot5-style", "examples": [{"query": "q", "passages": ["p"], "answer": "a"}]}, "raw text"),
    ):
        with pytest.raises(ValueError, match=message):
            Reranker(**settings)
    assert Reranker(preset="rank-r1").strategy.name == "setwise"
    assert Reranker(preset="pairwise", window=2, stride=1).strategy.passages_per_call == 2


EXAMPLE = {"query": "q0", "passages": ["wrong", "right"], "answer": "[2] > [1]"}


def test_examples_of_a_file_are_shown_as_turns_before_the_window(tmp_path: Path) -> None:
    path = tmp_path / "few.jsonl"
    path.write_text('{"query": "q0", "passages": ["wrong", "right"], "answer": "[2] > [1]"}\n', encoding="utf-8")
    reranker = Reranker(preset="rankzephyr", examples=str(path))
    assert reranker.deciding()["examples"] == [EXAMPLE]
    preset = resolve(reranker).preset
    shown = render(preset, "QUERY", TWO).messages
    alone = render(load_preset("rankzephyr"), "q0", EXAMPLE["passages"]).messages
    asked = render(load_preset("rankzephyr"), "QUERY", TWO).messages
    assert shown == (asked[0], alone[1], Message("assistant", "[2] > [1]"), asked[1])
    path.write_text('{"query": "q0", "answer": 3}\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"examples\.0\.passages"):
        Reranker(preset="rankzephyr", examples=str(path))


LIKELY = [{"token": " Yes", "logprob": -9.0}, {"token": "Yes", "logprob": -0.2}, {"token": "No", "logprob": -2.2}]
LOGPROBS = {"content": [{"token": "Yes", "logprob": -0.2, "top_logprobs": LIKELY}]}


def ask_server(server: FakeServer, **settings: object) -> RerankResult:
    """Rerank three passages of one query with a hosted model."""
    texts = {f"d{number}": f"passage {number}" for number in range(3)}
    run = {"q": [(docid, 3.0 - number) for number, docid in enumerate(texts)]}
    reranker = {"backend": "openai", "base_url": server.url, "model": "fake", **settings}
    return rerank(run, {"q": "QUERY"}, texts, reranker=reranker)


def test_a_hosted_model_is_told_the_effort_and_one_that_refuses_it_is_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with FakeServer() as server:
        ask_server(server, preset="qwen3", reasoning_effort="high", strategy="single", window=3, depth=3)
    assert server.bodies[0]["reasoning_effort"] == "high"
    assert "chat_template_kwargs" not in server.bodies[0]
    assert "no vLLM: these are not sent to it: enable_thinking" in caplog.text

    def refuses(body: dict[str, object]) -> Reply | None:
        words = "Unsupported parameter: reasoning_effort is not supported with this model"
        return (
            Reply({"error": {"message": words, "param": "reasoning_effort"}}, 400)
            if "reasoning_effort" in body
            else None
        )

    with FakeServer(refuses=refuses) as server, pytest.raises(RankkError, match="reasoning_effort is not supported"):
        ask_server(server, preset="listwise", reasoning_effort="low", strategy="single", window=3, depth=3)


def test_a_hosted_model_scores_passages_by_yes_and_no() -> None:
    reply = {"choices": [{"message": {"content": "Yes"}, "logprobs": LOGPROBS, "finish_reason": "length"}]}
    with FakeServer(replies=[Reply(reply)] * 3) as server:
        calls = ask_server(server, preset="yes-no").calls
    assert (server.bodies[0]["logprobs"], server.bodies[0]["top_logprobs"], server.bodies[0]["max_tokens"]) == (
        True,
        20,
        1,
    )
    assert [call.outcome for call in calls] == ["ok"] * 3


def test_letters_of_a_hosted_model_that_tells_no_probabilities_are_an_error() -> None:
    preset = {"name": "letters", "extends": "first", "prefix": "", "repair": False}
    settings = {"preset": preset, "strategy": "single", "window": 3, "depth": 3}
    alternatives = [{"token": letter, "logprob": value} for letter, value in (("B", -0.1), ("C", -1.0), ("A", -2.0))]
    told = {"content": [{"token": "B", "logprob": -0.1, "top_logprobs": alternatives}]}
    reply = {"choices": [{"message": {"content": "B"}, "logprobs": told, "finish_reason": "length"}]}
    with FakeServer(replies=[Reply(reply)]) as server:
        result = ask_server(server, parser={"type": "first-token", "alternatives": 20}, **settings)
        assert [hit.docid for hit in result.run["q"]] == ["d1", "d2", "d0"]
        with pytest.raises(RankkError, match="sends no log probabilities"):
            ask_server(server, **settings)


def test_an_adapter_of_the_hub_is_fetched_with_its_model_and_decides_the_cell(tmp_path: Path) -> None:
    config = {
        "experiment": "x",
        "grid": [
            {"collections": ["mini"], "languages": ["eng"], "retrievers": ["bm25"], "rerankers": ["r1", "own", "none"]}
        ],
        "rerankers": {"r1": {"preset": "rank-r1"}, "own": {"preset": "rank-r1", "engine": {"lora": "none"}}},
    }
    experiment = check(config, "x.yaml")
    models = {download.path for name, download in Stages(experiment).downloads.items() if name.startswith("models/")}
    assert experiment.adapter_files("r1") == ["results/downloads/models/ielabgroup/Rank-R1-7B-v0.1@main"]
    assert {*experiment.adapter_files("r1"), *experiment.model_files("r1")} <= models
    assert experiment.adapter_files("own") == []
    r1, own = (experiment.rerankers[name] for name in ("r1", "own"))
    assert resolve(r1).adapter == "ielabgroup/Rank-R1-7B-v0.1"
    assert resolve(own).adapter is None
    assert r1.deciding() != own.deciding()
