"""GNOME's and GIMP's help in many languages, from Debian's packages: titles are queries, pages are passages."""

import re
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo

from rankk.config.base import OneOf
from rankk.corpora.base import AlignedTopics, Inputs, PassageSource
from rankk.corpora.build import Topics
from rankk.errors import RankkError
from rankk.fetching.base import Download
from rankk.fetching.debian import RELEASE, DebianPackages, unpack

NUMBER = re.compile(r"^[\d.]+\s+")
"""A chapter number in front of a title."""

Pages = dict[str, tuple[str, str]]
"""Title and text by page."""


@dataclass(frozen=True)
class Manual:
    """Where a manual's pages are: package and folder by language, pattern of file names, and XML namespace."""

    packages: Mapping[str, str]
    folders: Mapping[str, str]
    files: str
    namespace: str

    def download(self, name: str) -> DebianPackages:
        """The download of the packages of all languages."""
        return DebianPackages(folder_name=f"{name}-help", packages=sorted(set(self.packages.values())))


def _gnome() -> Manual:
    codes = {
        "eng": "C", "ces": "cs", "deu": "de", "fas": "fa", "fin": "fi", "fra": "fr", "hun": "hu", "ind": "id",
        "ita": "it", "jpn": "ja", "kor": "ko", "nld": "nl", "pol": "pl", "por": "pt_BR", "rus": "ru", "spa": "es",
        "swe": "sv", "ukr": "uk", "zho": "zh_CN",
    }  # fmt: skip
    folders = {language: f"usr/share/help/{code}/gnome-help" for language, code in codes.items()}
    return Manual(dict.fromkeys(codes, "gnome-user-docs"), folders, "*.page", "{http://projectmallard.org/1.0/}")


def _gimp() -> Manual:
    codes = {"eng": "en", "deu": "de", "fas": "fa", "rus": "ru", "zho": "zh_CN"}
    folders = {language: f"usr/share/gimp/2.0/help/{code}" for language, code in codes.items()}
    packages = {language: f"gimp-help-{code.lower().replace('_', '-')}" for language, code in codes.items()}
    return Manual(packages, folders, "*.html", "{http://www.w3.org/1999/xhtml}")


MANUALS = {"gnome": _gnome(), "gimp": _gimp()}

ManualName = Annotated[str, OneOf(MANUALS)]


def _known(language: str, info: ValidationInfo) -> str:
    known = MANUALS[info.data["manual"]].folders if "manual" in info.data else {}
    if known and language not in known:
        raise ValueError(f"{language!r}: expected one of {', '.join(known)}")
    return language


ManualLanguage = Annotated[str, AfterValidator(_known)]
"""A language that the manual has; the field `manual` must be defined before this one."""


class ManualPassages(PassageSource):
    """Pages of a manual in one language. Left out: untranslated and repeated pages."""

    name = "debian-help"
    release = RELEASE

    manual: ManualName = Field(description="whose help")
    language: ManualLanguage = Field(description="language of the pages")

    def downloads(self) -> Sequence[Download]:
        """The manual's packages."""
        return [MANUALS[self.manual].download(self.manual)]

    def records(self, inputs: Inputs) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields the translated pages without their titles."""
        folder = Path(inputs["downloads"][0])
        for page, (_, text) in read(MANUALS[self.manual], folder, [self.language])[self.language].items():
            yield f"{folder}: page {page}", {"id": page, "contents": text}


class ManualTopics(AlignedTopics):
    """Titles of a manual's pages in many languages; judgments are constructed for the pages of one language.

    Left out: untranslated titles.
    """

    name = "debian-help"
    release = RELEASE

    manual: ManualName = Field(description="whose help")
    language: ManualLanguage = Field(description="language of the pages that are judged")

    def known_languages(self) -> Sequence[str]:
        """Languages of the manual."""
        return list(MANUALS[self.manual].folders)

    def downloads(self) -> Sequence[Download]:
        """The manual's packages."""
        return [MANUALS[self.manual].download(self.manual)]

    def topics(self, inputs: Inputs) -> Topics:
        """Every page's title is a query; only the page itself is relevant (grade 1)."""
        folder = Path(inputs["downloads"][0])
        pages = read(MANUALS[self.manual], folder, [*self.languages, self.language])
        judged = pages[self.language]
        queries = {
            language: {page: title for page, (title, _) in pages[language].items() if page in judged}
            for language in self.languages
        }
        return Topics(queries=queries, qrels={page: {page: 1} for page in judged}, where=str(folder))


def read(manual: Manual, folder: Path, languages: Sequence[str]) -> dict[str, Pages]:
    """Pages by language, without pages that lack an English version or whose title or text is still English."""
    wanted = list(dict.fromkeys(["eng", *languages]))
    pages: dict[str, Pages] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for package in sorted({manual.packages[language] for language in wanted}):
            archives = sorted(folder.glob(f"{package}_*.deb"))
            if not archives:
                raise RankkError(f"{folder}: no package {package}; delete the folder to fetch it again")
            unpack(archives[-1], scratch, manual.files)
        for language in wanted:
            pages[language] = _pages(Path(scratch, manual.folders[language]), manual)
    english = pages["eng"]
    for language in wanted[1:]:
        pages[language] = {
            page: (title, text)
            for page, (title, text) in pages[language].items()
            if page in english and title != english[page][0] and text != english[page][1]
        }
    return {language: pages[language] for language in languages}


def _pages(folder: Path, manual: Manual) -> Pages:
    """Title and text of every page that has both. Of several pages with the same text, only the first is kept."""
    pages: Pages = {}
    seen: set[str] = set()
    for file in sorted(folder.glob(manual.files)):
        root = ET.parse(file).getroot()
        title = NUMBER.sub("", _text(root.find(f".//{manual.namespace}title")))
        paragraphs = (part for part in root.iter(f"{manual.namespace}p") if part.get("class") != "title")
        text = " ".join(filter(None, map(_text, paragraphs)))
        if title and text and text not in seen:
            seen.add(text)
            pages[file.stem] = (title, text)
    return pages


def _text(element: ET.Element | None) -> str:
    return "" if element is None else " ".join("".join(element.itertext()).split())
