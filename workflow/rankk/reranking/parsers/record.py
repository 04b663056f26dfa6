"""Statements about one passage in an answer, and the words that mark ranks and scores."""

import re
from dataclasses import dataclass
from typing import Any

ID_WORD = r"(?:passages?|documents?|docs?|identifiers?|ids?|index|items?)"
RANK_WORD = r"(?:ranks?|rankings?|positions?|places?)"
SCORE_WORD = (
    r"(?:(?:relevance|relevancy|confidence)[ _-]?)?(?:scores?|ratings?|grades?|points?|relevance|relevancy|confidence"
    r"|probability|likelihood|similarity)"
)
NUMBER = r"(?<![\w.])-?+\d{1,9}+(?:\.\d{1,9}+)?+(?:e[+-]?\d{1,2}+)?+(?!\w)"
IDENTIFIER = re.compile(rf"[\W_]*+(?:{ID_WORD}|[DP])?[\W_]*+(\d{{1,9}}+)[\W_]*+", re.IGNORECASE)
ROLES = {  # of a column or key, by its name
    "score": re.compile(SCORE_WORD, re.IGNORECASE),
    "rank": re.compile(rf"{RANK_WORD}|#|no\.?|nr\.?", re.IGNORECASE),
    "id": re.compile(rf"{ID_WORD}|numbers?|num", re.IGNORECASE),
}


@dataclass(slots=True)
class Record:
    """Statement about one passage in an answer."""

    id: int
    rank: float | None = None
    score: float | None = None
    value: float | None = None  # a number that is either


def role_of(name: str) -> str:
    """Content of a column or key by its name: id, rank, score, or unknown."""
    words = re.split(r"[\s_-]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).strip("*: "))
    return next((role for role, named in ROLES.items() if any(map(named.fullmatch, words))), "")


def identifier(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = IDENTIFIER.fullmatch(value) if isinstance(value, str) else None
    return int(match[1]) if match else None


def number_of(value: Any) -> float | None:
    """A number, also as text (`9`, `7/10`)."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e18:
        return float(value)
    match = re.match(NUMBER, value.strip()) if isinstance(value, str) else None
    return float(match[0]) if match else None
