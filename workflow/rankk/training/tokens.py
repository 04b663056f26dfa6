"""Converts examples to token ids without a GPU; prompts are rendered as at inference."""

import logging
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rankk.config.reranker import Reranker
from rankk.errors import RankkError
from rankk.io.files import read_jsonl, write_json
from rankk.llm.thinking import closed_thought, opening_text
from rankk.llm.tokenizers import ModelTokenizer
from rankk.reranking.budget import fit as fit_prompt
from rankk.reranking.settings import Settings, resolve

log = logging.getLogger("rankk")

SPLITS = ("train", "development")
LENGTH_STEP = 20
"""Passages are cut at lengths that differ by so many tokens."""
THOUGHT_WEIGHT = 0.1
"""Weight of a thought's tokens before an answer that is only an order: that of its tenth place. Grades weigh 1."""
PLACE = r"\[\d+\]"
GRADE = rf"{PLACE} \d(?= |\n|$)"
ORDER = re.compile(f"{PLACE}( > {PLACE})+")


def write_tokens(
    examples: str | Path,
    passages: str | Path,
    base: str,
    reranker: Reranker,
    folder: str | Path,
    facts: str | Path,
    *,
    revision: str | None = None,
    shortest_passages: int | None = None,
    max_length: int,
    processes: int = 1,
) -> None:
    """Write one data set per split into `folder` (columns as `tokens` returns them), and their counts to `facts`.

    Examples longer than `max_length` tokens are left out and counted. `shortest_passages`: passages are cut at random
    lengths between this number of tokens and the reranker's `passage_tokens`; None: always at `passage_tokens`.
    RankkError if no training example is left.
    """
    from datasets import Dataset, Features, List, Value

    counts: Counter[str] = Counter()
    texts = {record["id"]: record["contents"] for _, record in read_jsonl(passages)}
    settings = resolve(reranker)
    tokenizer = ModelTokenizer(base, revision, settings.preset.chat_template_kwargs)
    made = partial(
        tokens,
        texts=texts,
        settings=settings,
        tokenizer=tokenizer,
        shortest_passages=shortest_passages,
    )
    lists = {"input_ids": "int32", "labels": "int32", "weights": "float32", "first": "int32"}
    columns = Features({name: List(Value(kind)) for name, kind in lists.items()} | {"length": Value("int32")})
    with TemporaryDirectory(dir=Path(folder).parent) as scratch:
        for split in SPLITS:
            records = list(_records(examples, split))
            if not records:
                continue
            everything = Dataset.from_dict({"record": records}).map(
                lambda row: made(row["record"]),
                remove_columns="record",
                features=columns,
                num_proc=processes,
                cache_file_name=str(Path(scratch, f"{split}.arrow")),
                new_fingerprint=split,
                desc=split,
            )
            kept = everything.select([row for row, length in enumerate(everything["length"]) if length <= max_length])
            counts["left out: too long"] += len(everything) - len(kept)
            counts[split] = len(kept)
            counts[f"tokens: {split}"] = sum(kept["length"])
            kept.save_to_disk(str(Path(folder, split)))
    if not counts["train"]:
        raise RankkError(f"{examples}: no example of at most {max_length} tokens: {dict(counts)}")
    write_json(facts, dict(counts))
    log.info("%s: %s", folder, dict(counts))


def _records(examples: str | Path, split: str) -> Iterator[dict[str, Any]]:
    for _, record in read_jsonl(examples):
        if record["split"] == split:
            yield record


def tokens(
    record: Mapping[str, Any],
    texts: Mapping[str, str],
    settings: Settings,
    tokenizer: ModelTokenizer,
    shortest_passages: int | None = None,
) -> dict[str, Any]:
    """An example as token ids: the prompt as at inference, the thought, the answer and the end token.

    Returns `input_ids`, `labels`, `weights` (one per token), `length` (tokens) and `first`. The model is not trained on
    given tokens: their weight is 0 and their label -100. Given are the prompt and the text that closes a thought that
    was cut off, which is the text with which a thinking budget closes it. Evidence that the cut passages of the prompt
    no longer contain is left out. Other tokens weigh 1; but if the answer is only an order, its r-th place weighs 1/r,
    since the first places decide most of an order's worth (as in FIRST, Gangi Reddy et al. 2024), and the thought's
    tokens weigh as `_thought_weights` says. `first`: start and end (exclusive) of the tokens of the order's first place
    in the sequence; 0 and 0 for other answers.
    """
    longest = settings.passage_tokens
    lengths = range(longest, min(shortest_passages or longest, longest) - 1, -LENGTH_STEP)
    prompt = fit_prompt(
        settings.preset,
        record["query"],
        [texts[passage["id"]] for passage in record["passages"]],
        tokenizer,
        context=None,
        answer_tokens=settings.completion_tokens,
        passage_tokens=random.Random(f"{record['id']}.length").choice(lengths),
    )
    answer, thinking = record["answer"], settings.preset.thinking
    given, thought, closing = tokenizer.render(prompt), "", ""
    quoted = record.get("thought", "") if record.get("kind") != "evidence" or record["thought"] in given else ""
    if thinking and record.get("cut"):
        thought = opening_text(thinking) + quoted
        closing = closed_thought(thinking, quoted).removeprefix(thought)
    elif thinking and quoted:
        thought = closed_thought(thinking, quoted)
    elif thinking and settings.thinking_tokens is not None and thinking.close not in answer:
        given += closed_thought(thinking, "")
    asked, thoughts, closed, said = map(tokenizer.ids, (given, thought, closing, answer))
    ids = [*asked, *thoughts, *closed, *said, tokenizer.end]
    behind = len(ids) - len(said) - 1
    if is_order := ORDER.fullmatch(answer):
        places = _place_weights(answer, len(said), tokenizer)
        weights = _thought_weights(thought, len(thoughts), tokenizer) + [0.0] * len(closed) + places + places[-1:]
    else:
        weights = [1.0] * len(thoughts) + [0.0] * len(closed) + [1.0] * (len(said) + 1)
    weights = [0.0] * len(asked) + weights
    return {
        "input_ids": ids,
        "labels": [token if weight else -100 for token, weight in zip(ids, weights, strict=True)],
        "weights": weights,
        "length": len(ids),
        "first": [behind, behind + places.count(1.0)] if is_order else [0, 0],
    }


def _place_weights(answer: str, length: int, tokenizer: ModelTokenizer) -> list[float]:
    """The weight 1/r for each of the `length` tokens of an order, where r is the place that the token belongs to."""
    ends = [len(tokenizer.ids(answer[: place.end()])) for place in re.finditer(PLACE, answer)]
    return [1 / (1 + sum(end <= token for end in ends[:-1])) for token in range(length)]


def _thought_weights(thought: str, length: int, tokenizer: ModelTokenizer) -> list[float]:
    """The weight 1 for the last token of each grade, which is its digit, and THOUGHT_WEIGHT for all other tokens."""
    weights = [THOUGHT_WEIGHT] * length
    for grade in re.finditer(GRADE, thought):
        weights[len(tokenizer.ids(thought[: grade.end()])) - 1] = 1.0
    return weights
