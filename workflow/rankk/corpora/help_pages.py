"""Reads a page of LibreOffice's help: title, paragraphs and related pages."""

from dataclasses import dataclass
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "wbr"}
BLOCKS = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "li", "td", "th", "div", "pre", "br"}
CONTENT = "DisplayArea"


@dataclass(frozen=True)
class Page:
    """A help page. `related`: ids of the pages under "Related Topics"."""

    title: str
    paragraphs: tuple[str, ...]
    related: tuple[str, ...]

    @property
    def text(self) -> str:
        """The page's text without the lines that only repeat its title, because the title is the query."""
        return " ".join(line for line in self.paragraphs if line.casefold() != self.title.casefold())


def read_page(html: str) -> Page:
    """Parse the HTML of a page from Debian's packages."""
    reader = _Reader()
    reader.feed(html)
    reader.end_block()
    return Page(" ".join("".join(reader.title).split()), tuple(reader.paragraphs), tuple(dict.fromkeys(reader.related)))


class _Reader(HTMLParser):
    """Collects the text of the content area, without texts for macOS only and without the titles of related topics."""

    def __init__(self) -> None:
        super().__init__()
        self.title: list[str] = []
        self.paragraphs: list[str] = []
        self.related: list[str] = []
        self._line: list[str] = []
        self._open: list[tuple[str, str]] = []  # tag, and the role of its content

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in BLOCKS:
            self.end_block()
        if tag == "a" and self._inside("related"):
            href = (given.get("href") or "").partition("#")[0]
            if "/text/" in href and href.endswith(".html"):
                self.related.append(page_id(href))
        if tag not in VOID:
            self._open.append((tag, self._role(tag, given)))

    def handle_endtag(self, tag: str) -> None:
        if tag in BLOCKS:
            self.end_block()
        if any(open_tag == tag for open_tag, _ in self._open):  # an end tag also closes open tags inside it
            while self._open.pop()[0] != tag:
                continue

    def handle_data(self, data: str) -> None:
        if self._inside("title"):
            self.title.append(data)
        elif self._inside("content") and not self._inside("related") and not self._inside("skipped"):
            self._line.append(data)

    def end_block(self) -> None:
        """Store the text collected so far as a paragraph."""
        if line := " ".join("".join(self._line).split()):
            self.paragraphs.append(line)
        self._line = []

    def _inside(self, role: str) -> bool:
        return any(open_role == role for _, open_role in self._open)

    @staticmethod
    def _role(tag: str, given: dict[str, str | None]) -> str:
        if tag == "title":
            return "title"
        if given.get("id") == CONTENT:
            return "content"
        if given.get("class") == "relatedtopics":
            return "related"
        return "skipped" if tag in {"script", "style"} or given.get("class") == "MAC" else ""


def page_id(path: str) -> str:
    """A page's id: its path below text/ without suffix and with dots for slashes; the same in every language."""
    return path.partition("/text/")[2].removesuffix(".html").replace("/", ".")
