"""The pages on which answers are read, in a real browser where there is one."""

import base64
import json
import re
import shutil
import subprocess
import zlib
from dataclasses import astuple
from pathlib import Path

import pytest

from rankk import paths
from rankk.cli import main
from rankk.config.validation import validate_reranker
from rankk.errors import RankkError
from rankk.evaluation.experiment import CELL as CELL_COLUMNS
from rankk.io.trec import read_qrels, read_run
from rankk.llm.journal import StoredCalls
from rankk.report.answers.page import embedded, write_comparison, write_page
from rankk.report.answers.queries import CellAnswers, windows_of
from rankk.reranking.settings import resolve
from rankk.reranking.tally import read_calls

from .. import evidence

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


TITLE = "BM Twenty + Deep One on The Collection, Persian"


def written(folder, files, cell):
    """The page of one of an experiment's cells."""
    entry = next(entry for entry in files if entry.cell == cell)
    write_page(
        folder / cell.page,
        title=TITLE,
        stage="BM Twenty",
        languages=[cell.language, "fas"],
        run=entry.run,
        first_stage=str(folder / cell.first_stage.run),
        calls=entry.calls,
        journal=str(folder / cell.journal),
        manifest=entry.manifest,
        queries=entry.queries,
        passages=str(folder / paths.passages("c")),
        qrels=entry.qrels,
        measure="nDCG@10",
        level=1,
    )
    return folder / cell.page


CELL = paths.Cell("c", "fas", "bm25", "think")


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """Folder and files of an experiment with 100 queries."""
    folder = tmp_path_factory.mktemp("experiment")
    return folder, evidence.build(folder, queries=100)


@pytest.fixture(scope="module")
def page(experiment):
    """The page of 100 Persian queries."""
    return written(*experiment, CELL)


@pytest.fixture(scope="module")
def comparison(experiment, page):
    """The page that compares `page`'s cell with others: another reranker, another first stage, one without a page."""
    folder, files = experiment
    others = [paths.Cell("c", "fas", "bm25", "quick"), paths.Cell("c", "fas", "splade", "think")]
    for cell in others:
        written(folder, files, cell)
    cells = [CELL, *others, paths.Cell("c", "fas", "splade", "quick")]
    write_comparison(
        folder / "compare.html",
        "x",
        [
            {"key": str(cell), "name": f"{cell.retriever} + {cell.reranker}", "collection": "c"}
            | {"stage": cell.retriever, "page": cell.page}
            for cell in cells
        ],
    )
    return folder / "compare.html"


def shown(page: Path, hash_: str = "", milliseconds: int = 5000) -> str:
    """The page as the browser sees it once its script has run."""
    if BROWSER is None:
        pytest.skip("no Chromium; on Debian: apt-get install chromium")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--virtual-time-budget={milliseconds}", "--dump-dom"]
    command = [BROWSER, *options, f"file://{page}{hash_}"]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def unpacked(page, kind):
    """What a page holds of its queries or texts, by their numbers."""
    element = rf'<script type="text/plain" class="{kind}" data-number="(\d+)">(.*?)</script>'
    packed = {int(number): text for number, text in re.findall(element, page.read_text(encoding="utf-8"))}
    texts = [base64.b64decode(packed[number]) for number in sorted(packed)]
    return [json.loads(zlib.decompress(text, wbits=-zlib.MAX_WBITS)) for text in texts]


def test_all_queries_are_listed_and_the_one_that_loses_most_is_open(page):
    dom = shown(page)
    assert "100 of 100 queries" in dom
    assert dom.count('<details class="window"') == 2
    assert '<pre dir="auto">hm</pre>' in dom  # the reasoning
    first = re.search(r'data-id="(q\d+)" aria-current="true"', dom)[1]
    assert f'<h2 dir="auto" lang="fa">موضوع چیست {first}</h2>' in dom
    assert dom.index(f'data-id="{first}"') == dom.index("data-id=")


def test_data_of_the_query_that_is_shown_first_come_first(page):
    first = re.search(r'data-id="(q\d+)" aria-current="true"', shown(page))[1]
    text = page.read_text(encoding="utf-8")
    numbers = dict(re.findall(r'"id":"(q\d+)","number":(\d+)', text))
    assert re.findall(r'class="(\w+)" data-number="(\d+)"', text)[:2] == [("query", numbers[first]), ("texts", "0")]


def test_filters_and_search_are_in_the_address(page):
    assert "0 of 100 queries" in shown(page, "#outcome=refused")
    assert "1 of 100 queries" in shown(page, "#search=q77")
    assert "100 of 100 queries" in shown(page, "#search=hm")  # in the reasoning, which is packed
    ups, downs, same = (
        int(shown(page, f"#gain={gain}").split(" of 100 queries")[0].rsplit(">", 1)[1])
        for gain in ("up", "down", "same")
    )
    assert ups + downs + same == 100


def gains(dom):
    """Gains of the listed queries, in the order of the list."""
    listed = dom.split('id="queries"')[1].split("</ol>")[0]
    return [float(gain.replace("−", "-")) for gain in re.findall(r'class="number \w+">([+−][\d.]+)<', listed)]


def test_queries_are_listed_by_their_loss_or_as_the_address_says(page):
    by_loss, by_gain = gains(shown(page)), gains(shown(page, "#sort=gain"))
    assert len(by_loss) == 100
    assert by_loss == sorted(by_loss)
    assert by_gain == by_loss[::-1]


def test_the_keys_j_and_k_open_the_next_and_the_previous_query_and_a_question_mark_the_help(page, tmp_path):
    pressed = tmp_path / "pressed.html"
    event = 'new KeyboardEvent("keydown", {{ key, bubbles: true }})'
    press = f'for (const key of "{{}}") document.body.dispatchEvent({event});'
    press = f"<script>setTimeout(() => {{{{ {press} }}}}, 500);</script>"
    for keys, opened in (("jjj", "q3"), ("jjk", "q1")):
        pressed.write_text(page.read_text(encoding="utf-8") + press.format(keys), encoding="utf-8")
        assert f'<h2 dir="auto" lang="fa">موضوع چیست {opened}</h2>' in shown(pressed, "#sort=topics")
    pressed.write_text(page.read_text(encoding="utf-8") + press.format("?"), encoding="utf-8")
    assert re.search(r'<dialog id="help"[^>]* open=""', shown(pressed))


@pytest.mark.parametrize("address", ["#query=q41", "#q41", "#sort=topics&query=q41"])
def test_a_query_is_opened_by_its_address(page, address):
    dom = shown(page, address)
    assert '<h2 dir="auto" lang="fa">موضوع چیست q41</h2>' in dom
    assert 'data-id="q41" aria-current="true"' in dom


def test_ranks_of_relevant_passages_are_those_of_the_runs_and_those_that_no_window_held_are_told(experiment, page):
    folder, _ = experiment
    run, first = read_run(folder / CELL.run), read_run(folder / CELL.first_stage.run)
    relevant = {d for d, grade in read_qrels(folder / paths.qrels("c"))["q5"].items() if grade >= 1}
    content = unpacked(page, "query")[5]
    assert content["final"] == [hit.docid for hit in run["q5"]]
    assert content["first"] == [hit.docid for hit in first["q5"]]
    assert {docid for docid, rank in content["missed"] if rank is None} == relevant - {*content["first"]}
    dom = shown(page, "#q5")
    rows = re.findall(r"<tr>(.*?)</tr>", dom.split("Relevant passages")[1].split("</table>")[0])
    shown_rows = {
        re.search(r"<bdi[^>]*>(\w+)</bdi>", row)[1]: re.findall(r"<td[^>]*>([^<]*)</td>", row) for row in rows[1:]
    }
    assert len(shown_rows) == min(10, len(relevant))
    for docid, (_, before, after, fate) in shown_rows.items():
        if docid in content["first"]:
            assert (int(before), int(after)) == (content["first"].index(docid) + 1, content["final"].index(docid) + 1)
            assert re.match(r"window&nbsp;\d|stayed", fate)
        else:
            assert (before, after, fate) == ("–", "–", "never retrieved")


def test_the_page_is_titled_by_display_names_and_shows_the_run_that_commands_take(experiment, page):
    dom = shown(page)
    assert f"<title>{TITLE}</title>" in dom
    assert f'<h1 id="cell">{TITLE}</h1>' in dom
    assert f"<code>{experiment[0] / CELL.run}</code>" in dom
    assert re.findall(r"<text [^>]*font-weight=\"600\">(.*?)</text>", dom) == ["BM Twenty", "reranked"]


def test_waiting_and_computing_are_told_apart_where_the_engine_tells_them(page, comparison):
    waited = "waited 0.5 s, computed 1.4 s"
    dom = shown(page)
    assert dom.count(waited) == 2
    assert "Computed: from then to the last token" in dom
    assert "from request to answer 2.0 s" not in dom
    dom = shown(comparison, "#a=c/fas/bm25/think&b=c/fas/bm25/quick&query=q7")
    assert (dom.count(waited), dom.count("from request to answer 2.0 s")) == (2, 2)
    assert "Waiting in the server's queue is included" in dom


def test_a_text_is_on_the_page_once_and_packed(page):
    texts = unpacked(page, "texts")
    docids = [docid for block in texts for docid in block]
    assert len(docids) == len(set(docids)) == 40
    assert "متن &lt;b&gt;d1" not in page.read_text(encoding="utf-8")


def test_two_cells_are_compared_query_by_query(comparison):
    dom = shown(comparison, "#a=c/fas/bm25/think&b=c/fas/bm25/quick&query=q7")
    assert "100 of 100 queries" in dom
    assert gains(dom) == sorted(gains(dom))
    assert re.search(r"nDCG@10 A 0\.\d{3}, first stage (0\.\d{3}); B 0\.\d{3}, first stage \1; A − B ", dom)
    headings = re.findall(r"<text [^>]*font-weight=\"600\">(.*?)</text>", dom)
    assert headings == ["A: bm25 + think", "bm25", "B: bm25 + quick"]
    assert dom.count('<details class="window"') == 4


def test_cells_with_different_first_stages_are_compared_beside_both(comparison):
    dom = shown(comparison, "#a=c/fas/bm25/think&b=c/fas/splade/think")
    headings = re.findall(r"<text [^>]*font-weight=\"600\">(.*?)</text>", dom)
    assert headings == ["bm25", "A: bm25 + think", "B: splade + think", "splade"]
    assert "100 of 100 queries" in shown(comparison, "#a=c/fas/bm25/think&b=c/fas/splade/think&search=hm")


def test_a_cell_whose_page_is_not_there_is_named(comparison):
    dom = shown(comparison, "#a=c/fas/bm25/think&b=c/fas/splade/quick", 30_000)
    assert "results/runs/c/fas/splade/quick.html cannot be read" in dom


def test_a_record_that_was_deleted_from_the_journal_is_named(tmp_path):
    entry = next(e for e in evidence.build(tmp_path, queries=2) if e.cell.reranker == "think")
    journal = tmp_path / entry.cell.journal
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(line for line in lines if '"q1-1"' not in line))
    settings = resolve(validate_reranker({"preset": "qwq", "model": "m"}, "test"))
    with pytest.raises(RankkError, match=r"calls.jsonl: the record of query q1, call 1, is gone"):
        windows_of(read_calls(entry.calls), StoredCalls(journal), settings)


def test_causes_are_those_of_the_table_and_a_measure_may_have_another_of_its_names(tmp_path):
    """Passages are shown as relevant from grade 2 on, while nDCG gains by grade 1 too; ir_measures prints MRR as RR."""
    files = evidence.build(tmp_path, queries=24)
    entry = next(entry for entry in files if entry.cell == CELL)
    names = ("run", "calls", "manifest", "queries", "qrels")
    inputs = {name: getattr(entry, name) for name in names} | {"journal": str(tmp_path / CELL.journal)}
    inputs["first_stage"] = str(tmp_path / CELL.first_stage.run)
    table = evidence.evaluated(tmp_path, files, ["nDCG@10", "R(rel=2)@100"]).causes
    told = table[(table[list(CELL_COLUMNS)].astype(str) == list(astuple(CELL))).all(axis=1)]["cause"].tolist()

    def queries(measure, level):
        answers = CellAnswers(**inputs, measure=measure, level=level).queries()
        return sorted((entry for entry, _ in answers), key=lambda entry: entry["number"])

    assert [entry["cause"]["cause"] for entry in queries("nDCG@10", 2)] == told
    values = [[entry["value"] for entry in queries(measure, 1)] for measure in ("MRR", "RR")]
    assert values[0] == values[1]


def test_runs_outside_the_workflow_have_pages_and_a_comparison_beside_them(tmp_path, capsys):
    files = evidence.build(tmp_path, queries=2)
    quick, think = (next(each for each in files if each.cell.reranker == name) for name in ("quick", "think"))
    first, passages = (str(tmp_path / path) for path in (quick.cell.first_stage.run, paths.passages("c")))
    inputs = [f"--first-stage={first}", f"--queries={quick.queries}", f"--qrels={quick.qrels}"]
    inputs += [f"--passages={passages}"]
    assert main(["page", quick.run, *inputs]) == 0
    page = Path(quick.run).with_suffix(".html")
    assert capsys.readouterr().out == f"Open {page}\n"
    assert [query["depth"] for query in unpacked(page, "query")] == [evidence.DEPTH] * 2
    assert main(["page", quick.run, think.run, *inputs]) == 0
    assert capsys.readouterr().out == f"Open {page.with_name('compare.html')}\n"
    assert "2 of 2 queries" in shown(page.with_name("compare.html"))


def test_a_run_that_rankk_did_not_make_has_no_page(tmp_path, capsys):
    files = evidence.build(tmp_path, queries=2)
    run = files[0].run
    inputs = [f"--first-stage={run}", f"--queries={files[0].queries}", f"--qrels={files[0].qrels}"]
    assert main(["page", run, *inputs, f"--passages={tmp_path / paths.passages('c')}"]) == 1
    assert "none.calls.csv is not beside it; give runs that rankk rerank has written" in capsys.readouterr().err


def test_texts_of_others_stay_text(page):
    assert "&lt;b&gt;d" in shown(page)


@pytest.mark.parametrize("which", ["page", "comparison"])
def test_the_pages_ask_no_server_for_anything(which, request):
    text = request.getfixturevalue(which).read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    text = re.sub(r'<script type="text/plain".*', "", text)
    assert re.findall(r"\w+://[^\s\"'`]*", text) == ["http://www.w3.org/2000/svg"]  # a name, which nobody asks


def test_embedded_data_cannot_end_its_element():
    data = {"text": "</script><script>alert(1)</script>"}
    assert "<" not in embedded(data)
    assert json.loads(embedded(data)) == data
