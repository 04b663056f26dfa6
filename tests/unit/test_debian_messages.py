"""Messages of programs from gettext catalogs: what is read, what is left out, and how messages form passages."""

import shutil
import struct

import pytest

from rankk.corpora.debian_messages import MessagePassages, MessageTopics, read_catalog, readable
from rankk.errors import RankkError

from .test_conformance import catalog, debian_package

CODES = {"fas": "fa", "deu": "de", "rus": "ru", "zho": "zh_CN"}
needs_dpkg = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="dpkg-deb is not there")


def inputs(folder, package, messages, path="usr/share/locale/{}/LC_MESSAGES/program.mo"):
    """A package in a download's folder. `messages`: English messages, or functions from a language to a translation."""
    texts = dict.fromkeys(messages, None) if isinstance(messages, list) else messages
    files = {}
    for language, code in CODES.items():
        translated = {
            key: text(language) if text else f"{language}-{number}" for number, (key, text) in enumerate(texts.items())
        }
        files[path.format(code)] = catalog({key: text for key, text in translated.items() if text})
    debian_package(folder, package, files)
    return {"downloads": [str(folder / "deb")]}


def contents(found, *packages, language="eng"):
    records = MessagePassages(packages=list(packages), language=language).records(found)
    return {record["id"]: record["contents"] for _, record in records}


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("<p>Open the <b>file</b>&nbsp;again</p>", "Open the file again"),
        ("Save _As", "Save As"),
        ("Save &As", "Save As"),
        ("打开文件(_O)", "打开文件"),
        ("Could not\n\topen it", "Could not open it"),
        ("Could not open %s", ""),
        ("Could not open {name}", ""),
        ("See https://example.org for more", ""),
    ],
)
def test_a_message_is_read_without_markup_and_accelerators_and_not_at_all_with_placeholders(message, text):
    assert readable(message) == text


def test_a_catalog_is_read_in_either_byte_order_and_its_charset_without_contexts_and_plurals(tmp_path):
    file = tmp_path / "x.mo"
    file.write_bytes(catalog({"menu\4Open": "Öffnen", "one file\0many files": "eine Datei\0viele Dateien"}))
    expected = {"": "Content-Type: text/plain; charset=UTF-8\n", "Open": "Öffnen", "one file": "eine Datei"}
    assert read_catalog(file) == expected
    texts = b"\0Content-Type: text/plain; charset=KOI8-R\n\0Open\0" + "Открыть".encode("koi8-r") + b"\0"
    at = 28 + 32
    spans = struct.pack(">8I", 0, at, 4, at + 43, 41, at + 1, 7, at + 48)
    file.write_bytes(struct.pack(">7I", 0x950412DE, 0, 2, 28, 44, 0, at) + spans + texts)
    assert read_catalog(file)["Open"] == "Открыть"


@pytest.mark.parametrize("content", [b"", b"not a catalog at all", catalog({"a": "b"})[:40]])
def test_a_file_that_is_no_catalog_is_named(tmp_path, content):
    (tmp_path / "x.mo").write_bytes(content)
    with pytest.raises(RankkError, match=r"x\.mo: is not a catalog of gettext"):
        read_catalog(tmp_path / "x.mo")


@needs_dpkg
def test_a_message_in_any_language_asks_for_the_group_that_it_is_part_of(tmp_path):
    found = inputs(tmp_path, "one", [f"The message with the number {number} ends here" for number in range(6)])
    passages, persian = contents(found, "one"), contents(found, "one", language="fas")
    assert [text.count("ends here") for text in passages.values()] == [5, 1]  # eight words each, forty in a group
    assert persian == {"one.program.0": "fas-0 fas-1 fas-2 fas-3 fas-4", "one.program.1": "fas-5"}
    topics = MessageTopics(packages=["one"]).topics(found)
    assert topics.queries["rus"]["one.program.0.3"] == "rus-3"
    assert topics.queries["eng"]["one.program.1.0"] == "The message with the number 5 ends here"
    assert topics.qrels["one.program.0.3"] == {"one.program.0": 1}


@needs_dpkg
def test_short_repeated_and_untranslated_messages_are_left_out(tmp_path):
    messages = {
        "Open it": None,
        "Open the file again": None,
        "Close the file at once": lambda language: "" if language == "fas" else "zu",
        "Print the file at once": lambda language: "Print the file jetzt",
    }
    found = inputs(tmp_path, "one", messages)
    inputs(tmp_path, "two", ["open the File again", "Move the file elsewhere"])
    assert contents(found, "two", "one") == {
        "one.program.0": "Open the file again",
        "two.program.0": "Move the file elsewhere",
    }


@needs_dpkg
def test_a_long_message_is_in_a_passage_but_no_query(tmp_path):
    found = inputs(tmp_path, "one", ["word " * 31])
    assert list(contents(found, "one")) == ["one.program.0"]
    assert MessageTopics(packages=["one"]).topics(found).queries["fas"] == {}


@needs_dpkg
def test_catalogs_are_found_by_the_language_in_their_name_too(tmp_path):
    found = inputs(tmp_path, "blog", ["Open the file again"], path="usr/share/blog/languages/admin-{}.mo")
    assert list(contents(found, "blog")) == ["blog.admin.0"]


@needs_dpkg
def test_a_package_that_is_missing_is_named(tmp_path):
    found = inputs(tmp_path, "one", ["Open the file again"])
    with pytest.raises(RankkError, match="no package other; delete the folder"):
        contents(found, "one", "other")


def test_another_list_of_packages_is_another_download():
    first, second = (MessagePassages(packages=names, language="eng").downloads()[0] for names in (["a", "b"], ["b"]))
    assert first.packages == ["a", "b"]
    assert first.target != second.target
