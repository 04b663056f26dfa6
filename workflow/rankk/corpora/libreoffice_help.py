"""LibreOffice's help in several languages, from Debian's packages (docs/libreoffice-help.md)."""

import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from rankk.config.base import OneOf
from rankk.corpora.base import AlignedTopics, Inputs, PassageSource
from rankk.corpora.build import Topics
from rankk.corpora.help_pages import Page, page_id, read_page
from rankk.errors import RankkError
from rankk.fetching.base import Download
from rankk.fetching.debian import RELEASE, DebianPackages, unpack
from rankk.progress import bar

log = logging.getLogger("rankk")

PACKAGES = {"eng": ("en-us", "en-US"), "rus": ("ru", "ru"), "zho": ("zh-cn", "zh-CN"), "deu": ("de", "de")}
"""Suffix of the package's name, and name of the folder in the package, by language."""

OPENING = 100
"""A page is untranslated if this number of characters at its beginning are those of the English page."""

TARGET, RELATED = 2, 1
"""Grades of the page whose title is the query, and of the pages that it lists as related topics."""

HelpLanguage = Annotated[str, OneOf(PACKAGES)]

PACKAGE = DebianPackages(
    folder_name="libreoffice-help", packages=[f"libreoffice-help-{debian}" for debian, _ in PACKAGES.values()]
)


class HelpPassages(PassageSource):
    """Help pages in one language. Left out: untranslated pages, lines that repeat their page's title."""

    name = "libreoffice-help"
    release = RELEASE

    language: HelpLanguage = Field(description="language of the pages")

    def downloads(self) -> Sequence[Download]:
        """The packages."""
        return [PACKAGE]

    def records(self, inputs: Inputs) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields the translated pages without their titles."""
        packages = Path(inputs["downloads"][0])
        for docid, page in translated_pages(packages, self.language).items():
            yield f"{packages}: page {docid}", {"id": docid, "contents": page.text}


class HelpTopics(AlignedTopics):
    """Titles of the guide pages in many languages; judgments are constructed for the pages of one language.

    Left out: untranslated titles, titles of other pages than guides.
    """

    name = "libreoffice-help"
    release = RELEASE

    language: HelpLanguage = Field(description="language of the pages that are judged")

    def known_languages(self) -> Sequence[str]:
        """Languages of the packages."""
        return list(PACKAGES)

    def downloads(self) -> Sequence[Download]:
        """The packages."""
        return [PACKAGE]

    def topics(self, inputs: Inputs) -> Topics:
        """Every guide page's title is a query; the page has grade 2, its related topics have grade 1."""
        packages = Path(inputs["downloads"][0])
        pages = {language: translated_pages(packages, language) for language in {*self.languages, self.language}}
        judged = pages[self.language]
        targets = [docid for docid in judged if ".guide." in docid]
        queries = {
            language: {docid: pages[language][docid].title for docid in targets if docid in pages[language]}
            for language in self.languages
        }
        qrels = {}
        for target in targets:
            related = [docid for docid in judged[target].related if docid in judged and docid != target]
            qrels[target] = dict.fromkeys(related, RELATED) | {target: TARGET}
        return Topics(queries=queries, qrels=qrels, where=str(packages))


def translated_pages(packages: Path, language: str) -> dict[str, Page]:
    """Pages in one language by id, without untranslated pages."""
    return drop_untranslated(language, read_pages(packages, language), lambda: read_pages(packages, "eng"))


def read_pages(packages: Path, language: str) -> dict[str, Page]:
    """Pages by id that have a title and a text, from the package of one language. RankkError if it is missing."""
    debian, folder = PACKAGES[language]
    archives = sorted(packages.glob(f"libreoffice-help-{debian}_*.deb"))
    if not archives:
        raise RankkError(f"{packages}: no package libreoffice-help-{debian}; delete the folder to fetch it again")
    pages = {}
    with tempfile.TemporaryDirectory() as scratch:
        unpack(archives[-1], scratch, "*.html")
        files = sorted(Path(scratch).glob(f"usr/share/libreoffice/help/{folder}/text/**/*.html"))
        for file in bar(files, what=f"pages {language}", unit="pages"):
            page = read_page(file.read_text(encoding="utf-8"))
            if page.text and page.title:
                pages[page_id(str(file))] = page
    return pages


def drop_untranslated(
    language: str, pages: Mapping[str, Page], read_english: Callable[[], Mapping[str, Page]]
) -> dict[str, Page]:
    """The pages without those whose first `OPENING` characters are those of the English page."""
    if language == "eng":
        return dict(pages)
    english = read_english()
    kept = {
        d: page for d, page in pages.items() if d not in english or page.text[:OPENING] != english[d].text[:OPENING]
    }
    log.info("%s: %d of %d pages left out, still English", language, len(pages) - len(kept), len(pages))
    return kept
