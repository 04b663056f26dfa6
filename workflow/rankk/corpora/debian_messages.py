"""Messages of programs in Debian's packages (gettext catalogs): messages are queries, groups of them are passages."""

import hashlib
import html
import re
import struct
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from rankk.config.base import OneOf
from rankk.corpora.base import AlignedTopics, Inputs, PassageSource, Source
from rankk.corpora.build import Topics
from rankk.errors import RankkError
from rankk.fetching.base import Download
from rankk.fetching.debian import RELEASE, DebianPackages, unpack

CODES = {"fas": ("fa", "fa_IR"), "deu": ("de", "de_DE"), "rus": ("ru", "ru_RU"), "zho": ("zh_CN",)}
"""Codes of translations in file names by language."""

LANGUAGES = ["eng", *CODES]

MAGIC = {b"\xde\x12\x04\x95": "<", b"\x95\x04\x12\xde": ">"}
"""Byte order by the first bytes of a catalog."""

SHORTEST = 4
"""Smallest number of words of an English message; shorter ones are labels."""
LONGEST_QUERY = 30
"""Largest number of words of an English message whose translations are queries."""
PASSAGE = 40
"""A passage ends with the message with which it reaches so many words."""

TAG = re.compile(r"<[^>]*>")
ACCELERATOR = re.compile(r"\s*\([&_]\w\)|[&_](?=\w)")
"""A letter that is underlined, as in `&Open`, `_Open` and `打开(_O)`."""
UNREADABLE = re.compile(r"[%{}$\\|@~^#=\[\]*<>]|://|--|/\w+/")
"""Placeholders, commands and addresses."""

Message = dict[str, str]
"""One message by language."""


class _Packages(Source):
    """The packages whose programs' messages are read."""

    packages: list[str] = Field(min_length=1, description="Debian packages whose .mo files are read")

    def downloads(self) -> Sequence[Download]:
        """The packages, in a folder whose name depends on the list."""
        digest = hashlib.sha256(" ".join(sorted(self.packages)).encode()).hexdigest()
        return [DebianPackages(folder_name=f"debian-messages-{digest[:8]}", packages=sorted(self.packages))]

    def passages(self, inputs: Inputs) -> dict[str, list[Message]]:
        """Messages of every passage, by passage id."""
        return read(Path(inputs["downloads"][0]), self.packages)


class MessagePassages(_Packages, PassageSource):
    """Groups of a program's messages in alphabetical order, so that a group's messages are about similar things.

    Left out: messages that lack one of the languages, are short, repeated, or contain placeholders.
    """

    name = "debian-messages"
    release = RELEASE

    language: Annotated[str, OneOf(LANGUAGES)] = Field(description="language of the messages")

    def records(self, inputs: Inputs) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields the groups; those in different languages hold the same messages under the same id."""
        where = inputs["downloads"][0]
        for docid, messages in self.passages(inputs).items():
            yield (
                f"{where}: {docid}",
                {"id": docid, "contents": " ".join(message[self.language] for message in messages)},
            )


class MessageTopics(_Packages, AlignedTopics):
    """Messages in many languages. Left out: those that are long, or left out of the passages."""

    name = "debian-messages"
    release = RELEASE

    def known_languages(self) -> Sequence[str]:
        """The languages that every message has."""
        return LANGUAGES

    def topics(self, inputs: Inputs) -> Topics:
        """Every message is a query; only the passage that it is part of is relevant (grade 1)."""
        asked = {
            f"{docid}.{number}": (docid, message)
            for docid, messages in self.passages(inputs).items()
            for number, message in enumerate(messages)
            if len(message["eng"].split()) <= LONGEST_QUERY
        }
        return Topics(
            queries={
                language: {qid: message[language] for qid, (_, message) in asked.items()} for language in self.languages
            },
            qrels={qid: {docid: 1} for qid, (docid, _) in asked.items()},
            where=str(inputs["downloads"][0]),
        )


def read(folder: Path, packages: Sequence[str]) -> dict[str, list[Message]]:
    """Messages of every passage, by passage id. A message that several programs have stands in the first one only."""
    seen: set[str] = set()
    passages: dict[str, list[Message]] = {}
    for package in sorted(packages):
        archives = sorted(folder.glob(f"{package}_*.deb"))
        if not archives:
            raise RankkError(f"{folder}: no package {package}; delete the folder to fetch it again")
        for domain, translated in _catalogs(archives[-1]).items():
            messages = [message for message in _messages(translated) if message["eng"].casefold() not in seen]
            seen |= {message["eng"].casefold() for message in messages}
            for number, group in enumerate(_groups(messages)):
                passages[f"{package}.{domain}.{number}"] = group
    return passages


def _catalogs(archive: Path) -> dict[str, dict[str, dict[str, str]]]:
    """Translations by program, language and English message, of the programs that have all languages."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        unpack(archive, scratch, "*.mo")
        for language, codes in CODES.items():
            code = "|".join(codes)
            name = re.compile(rf"(?:{code})/LC_MESSAGES/(?P<domain>[^/]+)\.mo|(?:(?P<prefix>[^/]+)-)?(?:{code})\.mo")
            for file in sorted(Path(scratch).rglob("*.mo")):
                if match := name.fullmatch("/".join(file.parts[-3:])) or name.fullmatch(file.name):
                    domain = match["domain"] or match["prefix"] or "messages"
                    found.setdefault(domain, {}).setdefault(language, {}).update(read_catalog(file))
    return {domain: found[domain] for domain in sorted(found) if len(found[domain]) == len(CODES)}


def read_catalog(file: Path) -> dict[str, str]:
    """Translations of a .mo file by English message, without contexts and plurals. RankkError if it is not one.

    The format is described in GNU gettext's manual, "The Format of GNU MO Files".
    """
    data = file.read_bytes()
    try:
        order = MAGIC[data[:4]]
        count, *tables = struct.unpack(f"{order}8xIII", data[:20])
        texts = []
        for table in tables:
            spans = struct.iter_unpack(f"{order}II", data[table : table + 8 * count])
            texts.append([data[start : start + length] for length, start in spans])
        charset = re.search(rb"charset=([\w-]+)", dict(zip(*texts, strict=True)).get(b"", b""))
        encoding = charset[1].decode() if charset else "utf-8"
        decoded = [[text.decode(encoding) for text in table] for table in texts]
    except (KeyError, struct.error, ValueError, LookupError) as error:
        raise RankkError(f"{file.name}: is not a catalog of gettext ({error!r})") from None
    found: dict[str, str] = {}
    for key, text in zip(*decoded, strict=True):
        found.setdefault(key.rpartition("\4")[2].partition("\0")[0], text.partition("\0")[0])
    return found


def _messages(translated: Mapping[str, Mapping[str, str]]) -> list[Message]:
    """A program's readable messages in alphabetical order, each once and in all languages."""
    messages: dict[str, Message] = {}
    for key in translated[next(iter(CODES))]:
        message = {"eng": readable(key)}
        message |= {language: readable(translated[language].get(key, "")) for language in CODES}
        english = message["eng"]
        if len(english.split()) >= SHORTEST and all(_translates(message[language], english) for language in CODES):
            messages.setdefault(english.casefold(), message)
    return [messages[english] for english in sorted(messages)]


def readable(text: str) -> str:
    """A message as it is read, without markup and accelerators; empty if it has placeholders."""
    plain = " ".join(ACCELERATOR.sub("", html.unescape(TAG.sub(" ", text))).split())
    return "" if UNREADABLE.search(plain) else plain


def _translates(text: str, english: str) -> bool:
    """Whether less than half of a translation's words are those of the English message."""
    words = text.casefold().split()
    return 2 * len(set(words) & set(english.casefold().split())) < len(set(words))


def _groups(messages: Sequence[Message]) -> Iterator[list[Message]]:
    group: list[Message] = []
    for message in messages:
        group.append(message)
        if sum(len(other["eng"].split()) for other in group) >= PASSAGE:
            yield group
            group = []
    if group:
        yield group
