"""The page of a cell's answers, in a real browser where there is one."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from rankk import paths
from rankk.config.loading import validate_reranker
from rankk.errors import RankkError
from rankk.report.page import embedded, windows_of, write_page
from rankk.reranking.settings import resolve

from .. import evidence

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of 100 Persian queries."""
    folder = tmp_path_factory.mktemp("experiment")
    files = evidence.build(folder, queries=100)
    entry = next(e for e in files if e.cell.reranker == "think" and e.cell.language == "fas")
    output = folder / entry.cell.page
    write_page(
        output,
        title="c, fas, bm25, think",
        run=entry.run,
        first_stage=str(folder / entry.cell.first_stage.run),
        calls=entry.calls,
        journal=str(folder / entry.cell.journal),
        manifest=entry.manifest,
        queries=entry.queries,
        passages=str(folder / paths.passages("c")),
        qrels=entry.qrels,
        measure="nDCG@10",
    )
    return output


def shown(page: Path, hash_: str = "") -> str:
    """The page as the browser sees it once its script has run."""
    if BROWSER is None:
        pytest.skip("no Chromium; on Debian: apt-get install chromium")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", f"file://{page}{hash_}"]
    return subprocess.run([BROWSER, *options], check=True, capture_output=True, text=True, timeout=60).stdout


def test_all_queries_are_listed_and_the_first_is_open(page):
    dom = shown(page)
    assert "100 of 100 queries" in dom
    assert dom.count("<section") == 2  # its two windows
    assert '<pre dir="auto" class="">hm</pre>' in dom  # the reasoning
    assert "موضوع چیست q0" in dom


def test_filters_and_search_are_in_the_address(page):
    assert "0 of 100 queries" in shown(page, "#outcome=refused")
    assert "1 of 100 queries" in shown(page, "#search=q77")
    ups, downs, same = (
        int(shown(page, f"#gain={gain}").split(" of 100 queries")[0].rsplit(">", 1)[1])
        for gain in ("up", "down", "same")
    )
    assert ups + downs + same == 100


def test_a_record_that_was_deleted_from_the_journal_is_named(tmp_path):
    entry = next(e for e in evidence.build(tmp_path, queries=2) if e.cell.reranker == "think")
    journal = tmp_path / entry.cell.journal
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(line for line in lines if '"q1-1"' not in line))
    settings = resolve(validate_reranker({"preset": "qwq", "model": "m"}, "test"))
    with pytest.raises(RankkError, match=r"calls.jsonl: the record of query q1, call 1, is gone"):
        windows_of(entry.calls, str(journal), settings)


def gains(dom):
    """Gains of the listed queries, in the order of the list."""
    listed = dom.split('id="queries"')[1].split("</ol>")[0]
    return [float(gain.replace("−", "-")) for gain in re.findall(r'class="number \w+">([+−][\d.]+)<', listed)]


def test_queries_are_listed_by_their_loss_where_the_address_says_so(page):
    by_loss, by_gain = gains(shown(page, "#sort=loss")), gains(shown(page, "#sort=gain"))
    assert len(by_loss) == 100
    assert by_loss == sorted(by_loss)
    assert by_gain == by_loss[::-1]


def test_the_keys_j_and_k_open_the_next_and_the_previous_query(page, tmp_path):
    pressed = tmp_path / "pressed.html"
    event = 'new KeyboardEvent("keydown", {{ key, bubbles: true }})'
    press = f'<script>for (const key of "{{}}") {{{{ document.body.dispatchEvent({event}); show(); }}}}</script>'
    for keys, opened in (("jjj", "q3"), ("jjk", "q1")):
        pressed.write_text(page.read_text(encoding="utf-8") + press.format(keys), encoding="utf-8")
        assert f'<h2 dir="auto" class="">موضوع چیست {opened}</h2>' in shown(pressed)


def test_a_query_is_opened_by_its_address_and_leads_to_the_next(page):
    dom = shown(page, "#query=q41")
    assert '<h2 dir="auto" class="">موضوع چیست q41</h2>' in dom
    assert 'href="#query=q42"' in dom


def test_texts_of_others_stay_text(page):
    assert "&lt;b&gt;d" in shown(page)


def test_the_page_asks_nobody_for_anything(page):
    text = page.read_text()
    assert "default-src 'none'" in text
    assert "http" not in text.split('<script type="application/json"')[0].replace("http-equiv", "")


def test_embedded_data_cannot_end_its_element():
    data = {"text": "</script><script>alert(1)</script>"}
    assert "<" not in embedded(data)
    assert json.loads(embedded(data)) == data
