"""Thoughts that a training answer begins with: a quoted sentence, or a grade for every passage."""

import random
import re
from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

from rankk.config.training import Thoughts
from rankk.training.held_out import words

SHORT_SENTENCE = 10
"""Words; sentences much shorter than this would be told apart by their length alone."""

Window = Mapping[str, Any]


def with_thought(
    window: Window, order: Sequence[int], settings: Thoughts, texts: Mapping[str, str]
) -> dict[str, str | bool]:
    """What a window's example says of its thought: empty where it has none, else `thought`, `kind` and `cut`.

    `order`: window positions (from 0), best first. `texts`: contents by passage id, read for evidence only. Which kind
    a window gets, and where a thought is cut, depends on its id alone. Evidence is for windows that judgments decide.
    """
    draw = random.Random(f"{window['id']}.thought")
    share = draw.random()
    if share < settings.grades:
        text = graded(window, settings.thresholds)
        if draw.random() < settings.cut:
            return {"thought": text[: draw.randrange(len(text))], "kind": "grades", "cut": True}
        return {"thought": text, "kind": "grades", "cut": False}
    if share < settings.grades + settings.evidence and len({hit["grade"] or 0 for hit in window["passages"]}) > 1:
        best, *others = (texts[window["passages"][position]["id"]] for position in order)
        return {"thought": best_sentence(window["query"], best, others), "kind": "evidence", "cut": False}
    return {}


def graded(window: Window, thresholds: Sequence[float]) -> str:
    """A grade for every passage in the window's order, as `[1] 0 [2] 3`.

    A passage that is judged relevant has the highest grade, len(thresholds) + 1; every other one the number of
    thresholds that its first stage's score reaches.
    """
    grades = (
        len(thresholds) + 1 if (hit["grade"] or 0) > 0 else sum(hit["score"] >= threshold for threshold in thresholds)
        for hit in window["passages"]
    )
    return " ".join(f"[{number}] {grade}" for number, grade in enumerate(grades, 1))


def best_sentence(query: str, passage: str, others: Sequence[str]) -> str:
    """The sentence of a passage that fits the query best: shared words, those rare among the passages counting more.

    Divided by the root of the sentence's length and some words more: neither long sentences win by chance nor headings.
    """
    known = [set(words(text)) for text in (passage, *others)]
    weights = {word: 1 / max(1, sum(word in text for text in known)) for word in words(query)}

    def fitness(sentence: str) -> float:
        said = words(sentence)
        return sum(weights.get(word, 0.0) for word in set(said)) / sqrt(SHORT_SENTENCE + len(said))

    return max(re.split(r"(?<=[.!?])\s+", passage), key=fitness)
