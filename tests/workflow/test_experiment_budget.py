"""A budget for a whole experiment in Snakemake's dry run. That no call is made again: tests/unit/test_reuse.py."""

from .test_small_grid import snakemake, write_experiment

ASKED = {"preset": "listwise", "backend": "openai", "model": "m", "base_url": "http://127.0.0.1:9", "depth": 20}


def test_a_dry_run_plans_the_cells_and_names_those_that_the_budget_does_not_limit(tmp_path):
    grid = {"collections": ["c"], "languages": ["eng"], "retrievers": ["bm25"], "rerankers": ["limited", "fixed"]}
    rerankers = {"limited": ASKED | {"strategy": "adaptive"}, "fixed": ASKED}
    write_experiment(tmp_path, tokens=60_000, grid=[grid], rerankers=rerankers)
    done = snakemake(tmp_path, "-n", "--quiet", "rules")
    assert done.returncode == 0, done.stderr
    assert "warning: tokens: 60000: rerankers.fixed: strategy sliding makes all its calls" in done.stderr
    assert "rerankers.limited" not in done.stderr
    planned = [line.split() for line in (done.stdout + done.stderr).splitlines()]
    assert ["rerank", "2"] in planned
