"""Families of collections, by which long lists are summarized."""

import re
from collections.abc import Iterable

AFFECTS_RESULTS = False


def families(collections: Iterable[str]) -> dict[str, str]:
    """Family of each collection: the letters with which several names begin, as of dl19 and dl20; else its own name."""
    members: dict[str, set[str]] = {}
    for name in collections:
        letters = re.match(r"[A-Za-z]*", name)
        members.setdefault(letters[0] if letters else "", set()).add(name)
    return {
        name: letters if letters and len(names) > 1 else name for letters, names in members.items() for name in names
    }
