"""Thoughts at the beginning of training answers: a quoted sentence, or a grade for every passage."""

import random
import re
from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

from rankk.config.training import Thoughts
from rankk.training.held_out import words

SHORT_SENTENCE = 10
"""Words that are added to every sentence's length, so that very short sentences do not win by their length."""

Window = Mapping[str, Any]


def with_thought(
    window: Window, order: Sequence[int], settings: Thoughts, texts: Mapping[str, str]
) -> dict[str, str | bool]:
    """The keys `thought`, `kind` and `cut` of a window's example; empty if the window gets no thought.

    `order`: window positions (from 0), best first. `texts`: contents by passage id, read only for evidence. The kind
    of thought and the position at which a thought is cut are random but depend only on the window's id. Only windows
    whose passages have different grades get evidence.
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

    A passage that is judged relevant gets the highest grade, len(thresholds) + 1. The grade of every other passage is
    the number of thresholds that its first-stage score reaches.
    """
    grades = (
        len(thresholds) + 1 if (hit["grade"] or 0) > 0 else sum(hit["score"] >= threshold for threshold in thresholds)
        for hit in window["passages"]
    )
    return " ".join(f"[{number}] {grade}" for number, grade in enumerate(grades, 1))


def best_sentence(query: str, passage: str, others: Sequence[str]) -> str:
    """The sentence of `passage` that fits the query best.

    A sentence's fitness is the sum of the weights of the query's words in it; a word weighs one over the number of
    passages (`passage` and `others`) that contain it. The sum is divided by the square root of the sentence's length in
    words plus `SHORT_SENTENCE`, so that neither long sentences nor headings win by their length.
    """
    known = [set(words(text)) for text in (passage, *others)]
    weights = {word: 1 / max(1, sum(word in text for text in known)) for word in words(query)}

    def fitness(sentence: str) -> float:
        said = words(sentence)
        return sum(weights.get(word, 0.0) for word in set(said)) / sqrt(SHORT_SENTENCE + len(said))

    return max(re.split(r"(?<=[.!?])\s+", passage), key=fitness)
