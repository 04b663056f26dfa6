"""axe-core finds nothing to mend on any page, light and dark, on a wide window and on one of 390 pixels."""

import html
import json
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from rankk import paths
from rankk.report.progress import Progress, State

from .. import evidence
from .test_page import BROWSER
from .test_page import comparison as comparison  # fixtures
from .test_page import experiment as experiment
from .test_page import page as page

WIDTHS = (390, 1300)
RUN = """<script>{axe}</script><script>setTimeout(async () => {{
  for (const each of document.querySelectorAll("details")) each.open = true;
  await new Promise(resolve => setTimeout(resolve, 500));
  const {{ violations }} = await axe.run();
  const told = violations.map(({{ id, nodes }}) => `${{id}}: ${{nodes[0].html}} ${{nodes[0].failureSummary}}`);
  if (document.documentElement.scrollWidth > innerWidth) told.push(`${{document.documentElement.scrollWidth}} px wide`);
  if (!document.querySelector("h2")) told.push("nothing is shown");
  const result = parent.document.createElement("pre");
  result.textContent = JSON.stringify(told);
  parent.document.body.append(result);
}}, 4000)</script>"""


def axe():
    """The text of axe-core."""
    spec = find_spec("axe_playwright_python")
    if spec is None or BROWSER is None:
        pytest.skip("no Chromium or no axe-core: uv pip install --no-deps -r envs/axe.txt")
    return Path(spec.submodule_search_locations[0], "axe.min.js").read_text(encoding="utf-8")


def violations(page, dark):
    """What axe-core says of a page, in a frame of each width."""
    run = RUN.format(axe=axe().replace("</script", r"<\/script"))
    text = html.escape(page.read_text(encoding="utf-8").replace("</body>", f"{run}</body>"))
    harness = page.with_name(f"axe-{page.name}")
    frames = "".join(f'<iframe srcdoc="{text}" width="{width}" height="900"></iframe>' for width in WIDTHS)
    harness.write_text(f"<!doctype html><meta charset=utf-8><body>{frames}</body>", encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=60000", "--dump-dom"]
    options += ["--blink-settings=preferredColorScheme=0"] if dark else []
    command = [BROWSER, *options, f"file://{harness}"]
    dom = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
    results = [json.loads(html.unescape(text)) for text in re.findall(r"<pre>(.*?)</pre>", dom, re.DOTALL)]
    assert len(results) == len(WIDTHS), "axe-core has run in every frame"
    return [told for result in results for told in result]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The page of an experiment: a figure, a table, and cells in every state."""
    folder = tmp_path_factory.mktemp("experiment")
    built = evidence.evaluated(folder, evidence.build(folder))
    states = dict.fromkeys(evidence.SMALL, Progress(State.DONE))
    extra = [paths.Cell("c", language, "dense", "quick") for language in ("eng", "fas", "rus", "zho")]
    failed = Progress(State.FAILED, 3, 48, "results/logs/runs/c.eng.dense.quick.log: KeyError: 'd5'")
    states |= dict(
        zip(
            extra,
            (Progress(State.RUNNING, 3, 48), failed, Progress(State.STOPPED), Progress(State.WAITING)),
            strict=True,
        )
    )
    return evidence.home(folder, built, states)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("which", ["home", "page", "comparison"])
def test_axe_finds_nothing(which, dark, request):
    assert violations(request.getfixturevalue(which), dark) == []


def test_axe_finds_what_is_wrong(tmp_path):
    """The harness itself: an image without a text, letters too pale to read, and a line too long for a phone."""
    wrong = tmp_path / "wrong.html"
    wrong.write_text(
        '<!doctype html><html lang="en"><title>t</title><body><main><h1>h</h1><img src="x">'
        '<p style="color:#ccc">pale</p><p style="width:600px">wide</p></main></body></html>'
    )
    found = " ".join(violations(wrong, dark=False))
    assert all(part in found for part in ("image-alt", "color-contrast", "px wide", "nothing is shown"))
