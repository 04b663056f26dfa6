"""LibreOffice's help as a multilingual collection, from Debian's packages (docs/libreoffice-help.md)."""

import json
import logging
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from rankk.corpora.help_pages import Page, page_id, read_page
from rankk.corpora.normalize import Source, normalize
from rankk.errors import RankkError
from rankk.progress import bar

log = logging.getLogger("rankk")

PACKAGES = {"eng": ("en-us", "en-US"), "rus": ("ru", "ru"), "zho": ("zh-cn", "zh-CN"), "deu": ("de", "de")}
"""Debian's name and the help's own name of each language."""

OPENING = 100
"""Characters that tell whether a page is translated."""

TARGET, RELATED = 2, 1
"""Grades of the page whose title is the query, and of its related topics."""


def download(folder: Path) -> None:
    """Fetch the packages into `folder`, which appears only when all are there; apt checks their signatures.

    Raises RankkError off Debian and where apt cannot fetch them.
    """
    for tool in ("apt-get", "dpkg-deb"):
        if not shutil.which(tool):
            raise RankkError(f"libreoffice-help: {tool} is missing: it needs Debian or Ubuntu; use another collection")
    names = [f"libreoffice-help-{debian}" for debian, _ in PACKAGES.values()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as scratch:
        command = ["apt-get", "download", *names]
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
        if done.returncode or len(list(Path(scratch).glob("*.deb"))) < len(names):
            reason = " ".join(done.stderr.split())[-300:]
            raise RankkError(
                f"libreoffice-help: apt-get cannot fetch {', '.join(names)}: {reason}. Once `apt-get update` has run "
                f"as root, run again; or put the four .deb files into {folder}"
            )
        shutil.copytree(scratch, folder, dirs_exist_ok=True)


def build(language: str, packages: Path, folder: Path, *, topics: int | None = None) -> None:
    """Write the collection of one passage language, with queries in all languages, into `folder`."""
    pages = {name: read_pages(packages, name) for name in PACKAGES}
    pages = {name: drop_untranslated(name, found, pages["eng"]) for name, found in pages.items()}
    passages = pages[language]
    targets = [docid for docid in passages if ".guide." in docid]
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as scratch:
        source = _write(Path(scratch), passages, pages, targets)
        normalize(source, folder, topics=topics)


def read_pages(packages: Path, language: str) -> dict[str, Page]:
    """Pages with text by id, from a language's package."""
    debian, own = PACKAGES[language]
    found = sorted(packages.glob(f"libreoffice-help-{debian}_*.deb"))
    if not found:
        raise RankkError(f"{packages}: no package libreoffice-help-{debian}; delete the folder to fetch it again")
    pages = {}
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(["dpkg-deb", "-x", str(found[-1]), scratch], check=True)
        files = sorted(Path(scratch).glob(f"usr/share/libreoffice/help/{own}/text/**/*.html"))
        for file in bar(files, what=f"pages {language}", unit="pages"):
            page = read_page(file.read_text(encoding="utf-8"))
            if page.text and page.title:
                pages[page_id(str(file))] = page
    return pages


def drop_untranslated(language: str, pages: Mapping[str, Page], english: Mapping[str, Page]) -> dict[str, Page]:
    """The pages whose opening text is not the English one."""
    if language == "eng":
        return dict(pages)
    kept = {
        d: page for d, page in pages.items() if d not in english or page.text[:OPENING] != english[d].text[:OPENING]
    }
    log.info("%s: %d of %d pages left out, still English", language, len(pages) - len(kept), len(pages))
    return kept


def _write(
    folder: Path, passages: Mapping[str, Page], pages: Mapping[str, Mapping[str, Page]], targets: list[str]
) -> Source:
    with (folder / "passages.jsonl").open("w", encoding="utf-8") as file:
        for docid, page in passages.items():
            file.write(json.dumps({"id": docid, "contents": page.text}, ensure_ascii=False) + "\n")
    queries = {}
    for language, found in pages.items():
        queries[language] = str(folder / f"queries.{language}.tsv")
        lines = [f"{docid}\t{found[docid].title}\n" for docid in targets if docid in found]
        Path(queries[language]).write_text("".join(lines), encoding="utf-8")
    with (folder / "qrels.txt").open("w", encoding="utf-8") as file:
        for target in targets:
            related = [docid for docid in passages[target].related if docid in passages and docid != target]
            grades = dict.fromkeys(related, RELATED) | {target: TARGET}
            file.writelines(f"{target} 0 {docid} {grade}\n" for docid, grade in grades.items())
    return Source(passages=str(folder / "passages.jsonl"), queries=queries, qrels=str(folder / "qrels.txt"))
