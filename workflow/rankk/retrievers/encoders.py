"""Encoders of first stages, as sentence-transformers loads them."""

from collections.abc import Callable
from typing import Any

from rankk.errors import RankkError


def load(kind: Callable[..., Any], model: str, revision: str | None, max_seq_length: int) -> Any:
    """An encoder of a kind (a class of sentence-transformers) that cuts texts at so many tokens.

    `model`: a hub id or a folder. RankkError where there is none at that place.
    """
    try:
        encoder = kind(model, revision=revision, trust_remote_code=False)
    except OSError as error:
        reason = str(error).strip().splitlines()[0]
        raise RankkError(
            f"retriever model {model}: cannot be loaded ({reason}); give a local folder, or accept its licence on the "
            "hub, log in and download it first"
        ) from None
    encoder.max_seq_length = max_seq_length
    return encoder
