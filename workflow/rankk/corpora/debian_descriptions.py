"""Descriptions of Debian's packages in many languages: synopses are queries, long descriptions are passages."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from rankk.config.base import OneOf
from rankk.corpora.base import AlignedTopics, Inputs, PassageSource
from rankk.corpora.build import Topics
from rankk.fetching.base import Download
from rankk.fetching.debian import RELEASE, DebianDescriptions

DEBIAN = {
    "eng": "en", "deu": "de", "fra": "fr", "rus": "ru", "zho": "zh_CN", "jpn": "ja", "kor": "ko", "spa": "es",
    "pol": "pl", "por": "pt_BR", "ukr": "uk", "ces": "cs", "slk": "sk",
}  # fmt: skip
"""Debian's code by language. Danish and Italian are left out: they alone have more texts than all of these together."""

SPACE_IN_HAN = re.compile(r"(?<=[\u3040-\u30ff\u3400-\u9fff]) (?=[\u3040-\u30ff\u3400-\u9fff])")
"""A blank that a line break left within Chinese or Japanese text."""

SHORTEST = 20
"""Smallest number of words of an English description; shorter ones say hardly more than the synopsis."""

Descriptions = dict[str, tuple[str, str]]
"""Synopsis and long description by package."""


class DescriptionPassages(PassageSource):
    """Long descriptions in one language. Left out: short, repeated and untranslated descriptions."""

    name = "debian-descriptions"
    release = RELEASE

    language: Annotated[str, OneOf(DEBIAN)] = Field(description="language of the descriptions")

    def downloads(self) -> Sequence[Download]:
        """The lists of all languages."""
        return [DebianDescriptions(languages=list(DEBIAN.values()))]

    def records(self, inputs: Inputs) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields the descriptions of packages whose English description is long enough and not repeated."""
        folder = Path(inputs["downloads"][0])
        described = descriptions(folder, self.language)
        for package in distinct(descriptions(folder, "eng")):
            if package in described:
                yield f"{folder}: package {package}", {"id": package, "contents": described[package][1]}


class DescriptionTopics(AlignedTopics):
    """Synopses in many languages. Left out: packages that are described in English only."""

    name = "debian-descriptions"
    release = RELEASE

    def known_languages(self) -> Sequence[str]:
        """Languages of the descriptions."""
        return list(DEBIAN)

    def downloads(self) -> Sequence[Download]:
        """The lists of all languages."""
        return [DebianDescriptions(languages=list(DEBIAN.values()))]

    def topics(self, inputs: Inputs) -> Topics:
        """Every package's synopsis is a query; only the package's own description is relevant (grade 1)."""
        folder = Path(inputs["downloads"][0])
        english = descriptions(folder, "eng")
        kept = distinct(english)
        # English queries and `max_queries` depend on which packages are translated into any language.
        wanted = DEBIAN if "eng" in self.languages or self.max_queries else self.languages
        queries = {}
        for language in wanted:
            described = english if language == "eng" else descriptions(folder, language)
            queries[language] = {package: described[package][0] for package in kept if package in described}
        translated = set().union(*(queries[language] for language in wanted if language != "eng"))
        judged = [package for package in kept if package in translated]
        queries["eng"] = {package: english[package][0] for package in judged}
        return Topics(
            queries={language: queries[language] for language in self.languages},
            qrels={package: {package: 1} for package in judged},
            where=str(folder),
        )


def distinct(described: Descriptions) -> list[str]:
    """Packages whose description is long enough, and whose synopsis and description no earlier package has."""
    seen: set[str] = set()
    kept = []
    for package, (synopsis, text) in described.items():
        if len(text.split()) >= SHORTEST and not {synopsis, text} & seen:
            seen |= {synopsis, text}
            kept.append(package)
    return kept


def descriptions(folder: Path, language: str) -> Descriptions:
    """Translated descriptions in one language, in the order of Debian's list."""
    found: Descriptions = {}
    for stanza in (folder / f"{DEBIAN[language]}.txt").read_text(encoding="utf-8").split("\n\n"):
        fields = re.search(r"^Package: (\S+)\n(?:.*\n)*?Description-(?!md5)\S+: (.*)\n((?: .*(?:\n|\Z))*)", stanza)
        if fields:
            package, synopsis, lines = fields.groups()
            text = SPACE_IN_HAN.sub("", " ".join(line.strip() for line in lines.splitlines() if line.strip() != "."))
            if text and synopsis.strip() and "<trans>" not in stanza:
                found.setdefault(package, (synopsis.strip(), text))
    return found
