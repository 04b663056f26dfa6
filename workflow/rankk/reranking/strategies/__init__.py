"""Strategies: which windows are ranked, in which order. They know nothing of prompts or engines.

Every strategy returns all passages, asks about two or more at a time (pointwise: one), and needs no call for a list
of one.
"""

from dataclasses import fields
from typing import Any

from rankk.errors import RankkError
from rankk.reranking.strategies.heap import Setwise
from rankk.reranking.strategies.parallel import Groups, Pointwise, Tournament
from rankk.reranking.strategies.topdown import TopDown
from rankk.reranking.strategies.windows import Single, Sliding
from rankk.reranking.types import Strategy

STRATEGIES: dict[str, Any] = {
    "sliding": Sliding,
    "single": Single,
    "topdown": TopDown,
    "setwise": Setwise,
    "tournament": Tournament,
    "groups": Groups,
    "pointwise": Pointwise,
}


def strategy(name: str, settings: Any) -> Strategy:
    """The strategy `name` with those of its parameters (window, stride, top_k, rounds, seed) that `settings` holds."""
    kind = STRATEGIES[name]
    try:
        made: Strategy = kind(**{field.name: getattr(settings, field.name) for field in fields(kind)})
    except ValueError as error:
        raise RankkError(f"strategy {name}: {error}") from None
    return made
