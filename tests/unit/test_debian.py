"""Texts of Debian's packages in many languages: what is kept, what is left out."""

import shutil

import pytest

from rankk.corpora.base import TOPICS
from rankk.corpora.debian_descriptions import DEBIAN, DescriptionPassages, DescriptionTopics
from rankk.corpora.debian_help import ManualPassages, ManualTopics
from rankk.errors import RankkError
from rankk.io.trec import read_queries

from .test_conformance import CASES, debian_help, debian_package

LONG = "a program that draws curves in two and three dimensions from a table of numbers, with axes, titles and grids"
STANZA = "Package: {0}\nDescription-md5: 0\nDescription-{1}: {2}\n {3}\n .\n {4}\n"


@pytest.fixture
def lists(tmp_path):
    """Descriptions in all languages: `plot` is translated to Chinese, `copy` repeats it, `tiny` is too short."""
    for code in DEBIAN.values():
        text = ""
        if code == "en":
            text = "\n".join(
                STANZA.format(name, code, synopsis, description, "More.")
                for name, synopsis, description in (
                    ("plot", "draws curves", LONG),
                    ("copy", "draws curves again", LONG),
                    ("tiny", "little", "little"),
                    ("alone", "never translated", f"{LONG} alone"),
                )
            )
        if code == "zh_CN":
            text = "\n".join(
                STANZA.format(name, code, synopsis, "一个绘图", "程序")
                for name, synopsis in (("plot", "绘制曲线"), ("unknown", "没有"), ("tiny", "小"), ("alone", "<trans>"))
            )
        (tmp_path / f"{code}.txt").write_text(text)
    return {"downloads": [str(tmp_path)]}


def test_a_synopsis_asks_for_its_own_description_in_every_language_that_has_it(lists):
    topics = DescriptionTopics().topics(lists)
    assert topics.queries["eng"] == {"plot": "draws curves"}  # of those that are translated
    assert topics.queries["zho"] == {"plot": "绘制曲线"}
    assert topics.queries["deu"] == {}
    assert topics.qrels == {"plot": {"plot": 1}}


def test_descriptions_that_repeat_another_are_too_short_or_not_translated_are_left_out(lists):
    def passages(language):
        return {record["id"]: record["contents"] for _, record in DescriptionPassages(language=language).records(lists)}

    assert passages("eng") == {"plot": f"{LONG} More.", "alone": f"{LONG} alone More."}
    assert passages("zho") == {"plot": "一个绘图程序"}  # a line of Chinese is broken without a blank


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="dpkg-deb is not there")
def test_a_manuals_title_asks_for_its_page_without_chapter_number_and_untranslated_pages_are_left_out(tmp_path):
    settings, _, inputs = debian_help(tmp_path)
    topics = ManualTopics(**settings).topics(inputs)
    assert topics.queries["deu"] == {"move": "Move deu"}
    assert topics.qrels == {"move": {"move": 1}}
    pages = dict(record.values() for _, record in ManualPassages(**settings).records(inputs))
    assert pages == {"move": "Moves a layer rus."}
    english = dict(record.values() for _, record in ManualPassages(manual="gimp", language="eng").records(inputs))
    assert english == {"move": "Moves a layer eng.", "same": "The same text."}


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="dpkg-deb is not there")
def test_a_package_that_is_missing_or_cut_off_is_named(tmp_path):
    debian_package(tmp_path, "gimp-help-en", {"usr/x.html": "<html/>"})
    inputs = {"downloads": [str(tmp_path / "deb")]}
    with pytest.raises(RankkError, match="no package gimp-help-ru; delete the folder"):
        list(ManualPassages(manual="gimp", language="rus").records(inputs))
    archive = tmp_path / "deb/gimp-help-en_1_all.deb"
    archive.write_bytes(archive.read_bytes()[:200])
    with pytest.raises(RankkError, match="dpkg-deb cannot read it"):
        list(ManualPassages(manual="gimp", language="eng").records(inputs))


@pytest.mark.parametrize("source", [ManualPassages, ManualTopics])
def test_a_language_that_a_manual_does_not_have_is_refused_with_those_that_it_has(source):
    with pytest.raises(ValueError, match="'swa': expected one of eng, deu, fas, rus, zho"):
        source(manual="gimp", language="swa")


@pytest.mark.parametrize(
    ("source", "needed"),
    [
        ("debian-descriptions", {"en.txt", "de.txt"}),
        ("debian-help", {"gimp-help-en_1_all.deb", "gimp-help-ru_1_all.deb", "gimp-help-de_1_all.deb"}),
        ("libreoffice-help", {f"libreoffice-help-{code}_1_all.deb" for code in ("en-us", "ru", "de")}),
    ],
)
def test_queries_of_one_language_are_read_without_the_files_of_the_others(tmp_path, source, needed):
    if source != "debian-descriptions" and not shutil.which("dpkg-deb"):
        pytest.skip("dpkg-deb is not there")
    _, settings, inputs = CASES[source](tmp_path)
    topics = TOPICS.get(source)(**settings)
    everything = topics.topics(inputs)
    files = {path.name: path for path in tmp_path.rglob("*.*") if path.suffix in {".txt", ".deb"}}
    assert files.keys() > needed
    for name in files.keys() - needed:
        files[name].unlink()
    topics.only("deu").build_queries(inputs, "deu", tmp_path / "queries", tmp_path / "excluded")
    assert read_queries(tmp_path / "queries") == everything.queries["deu"] != {}


def test_the_same_descriptions_are_kept_in_every_language_where_only_some_queries_are(lists):
    topics = DescriptionTopics(max_queries=1)
    assert topics.only("zho").topics(lists).qrels == topics.topics(lists).qrels


def test_a_language_of_queries_that_a_source_does_not_have_is_refused_with_those_that_it_has():
    with pytest.raises(ValueError, match="query_languages: 'swa': expected some of eng, deu, fra, rus"):
        DescriptionTopics(query_languages=["eng", "swa"])


def test_judgments_of_queries_in_no_kept_language_are_a_fault_that_can_be_declared(tmp_path):
    _, _, inputs = CASES["debian-descriptions"](tmp_path)
    for file in tmp_path.glob("de.txt"):
        file.write_text("")
    DescriptionPassages(language="eng").build(inputs, tmp_path / "p.jsonl")
    files = inputs | {"passages": str(tmp_path / "p.jsonl")}, tmp_path / "qrels", tmp_path / "counts"
    settings = {"query_languages": ["deu"], "max_queries": 5}
    with pytest.raises(RankkError, match=r"query curves: judgments for a query that is not there; .*unknown query"):
        DescriptionTopics(**settings).build_qrels(*files)
    with pytest.raises(RankkError, match="no judgment is of a query and a passage of this collection"):
        DescriptionTopics(**settings, drop=["unknown query"]).build_qrels(*files)
