"""Examples as token ids, made before a GPU is asked for; prompts are rendered as when the model is asked."""

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
from rankk.llm.thinking import closed_thought
from rankk.llm.tokenizers import ModelTokenizer
from rankk.reranking.budget import fit as fit_prompt
from rankk.reranking.settings import Settings, resolve

log = logging.getLogger("rankk")

SPLITS = ("train", "development")
LENGTH_STEP = 20
"""Tokens between two lengths at which passages are cut."""
THOUGHT_WEIGHT = 0.1
"""Of a thought's tokens before an answer that is nothing but an order: as its tenth place."""
PLACE = r"\[\d+\]"
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
    """Write a data set a split (columns input_ids, labels, weights, length) into `folder`, and their counts.

    Examples longer than `max_length` tokens are left out and counted. RankkError where none is left to learn from.
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
    lists = {"input_ids": "int32", "labels": "int32", "weights": "float32"}
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
    """An example as token ids: the prompt as at inference, then answer and end; labels of what is given are -100.

    A thought that quotes what the prompt no longer shows is not learnt. `weights` of the loss are 1, but the r-th place
    of an answer that is nothing but an order weighs 1/r, since the first places decide most of an order's worth (as in
    FIRST, Gangi Reddy et al. 2024).
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
    given, said = tokenizer.render(prompt), ""
    thinking, quoted = settings.preset.thinking, record.get("thought")
    if thinking and quoted and quoted in given:
        said = closed_thought(thinking, quoted)
    elif thinking and settings.thinking_tokens is not None and thinking.close not in record["answer"]:
        given += closed_thought(thinking, "")
    asked, thought, answer = tokenizer.ids(given), tokenizer.ids(said), tokenizer.ids(record["answer"])
    learnt = [*thought, *answer, tokenizer.end]
    weights = [1.0] * len(learnt)
    if ORDER.fullmatch(record["answer"]):
        places = _place_weights(record["answer"], len(answer), tokenizer)
        weights = [THOUGHT_WEIGHT] * len(thought) + places + places[-1:]
    return {
        "input_ids": asked + learnt,
        "labels": [-100] * len(asked) + learnt,
        "weights": [0.0] * len(asked) + weights,
        "length": len(asked) + len(learnt),
    }


def _place_weights(answer: str, length: int, tokenizer: ModelTokenizer) -> list[float]:
    """1/r for each of the `length` tokens of an order, r being the place that it belongs to."""
    ends = [len(tokenizer.ids(answer[: place.end()])) for place in re.finditer(PLACE, answer)]
    return [1 / (1 + sum(end <= token for end in ends[:-1])) for token in range(length)]
