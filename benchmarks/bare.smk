# A grid of the size of config/rank-k.yaml (184 reranked cells, 768 jobs) in plain Snakemake, with the same stages and
# files but without code of rankk. startup.py compares the dry runs.
COLLECTIONS = range(20)
RETRIEVERS = range(46)
CELLS = range(184)


rule all:
    input:
        "report.html",


rule fetch:
    output:
        "fetched/{n}",
    log:
        "logs/fetch/{n}.log",
    shell:
        "touch {output}"


rule corpus:
    input:
        lambda w: [f"fetched/{3 * int(w.n) + i}" for i in range(3)],
    output:
        passages="corpora/{n}.jsonl",
        store="corpora/{n}.sqlite",
    log:
        "logs/corpus/{n}.log",
    shell:
        "touch {output}"


rule queries:
    input:
        "corpora/{n}.jsonl",
    output:
        "queries/{n}.tsv",
    log:
        "logs/queries/{n}.log",
    shell:
        "touch {output}"


rule qrels:
    input:
        "corpora/{n}.jsonl",
    output:
        "qrels/{n}.txt",
    log:
        "logs/qrels/{n}.log",
    shell:
        "touch {output}"


rule index:
    input:
        lambda w: f"corpora/{int(w.n) % 19}.jsonl",
    output:
        directory("indexes/{n}"),
    log:
        "logs/index/{n}.log",
    shell:
        "mkdir {output}"


rule encode:
    input:
        lambda w: f"queries/{int(w.n) % 19}.tsv",
    output:
        "encoded/{n}.jsonl",
    log:
        "logs/encode/{n}.log",
    shell:
        "touch {output}"


rule retrieve:
    input:
        index=lambda w: f"indexes/{int(w.n) % 22}",
        queries=lambda w: f"encoded/{int(w.n) % 23}.jsonl",
    output:
        "runs/{n}/none.trec",
    params:
        key=lambda w: f"{w.n} of a retriever",
    resources:
        mem_mb=4000,
    log:
        "logs/retrieve/{n}.log",
    benchmark:
        "benchmarks/retrieve/{n}.tsv"
    shell:
        "touch {output}"


rule rerank:
    input:
        run=lambda w: f"runs/{int(w.n) % 46}/none.trec",
        queries=lambda w: f"queries/{int(w.n) % 19}.tsv",
        passages=lambda w: f"corpora/{int(w.n) % 19}.jsonl",
        store=lambda w: f"corpora/{int(w.n) % 19}.sqlite",
    output:
        run="cells/{n}.trec",
        calls="cells/{n}.calls.csv",
        manifest="cells/{n}.json",
    params:
        key=lambda w: f"{w.n} of a reranker",
    resources:
        gpu=1,
        runtime=lambda w: 60 + int(w.n),
    log:
        "logs/rerank/{n}.log",
    benchmark:
        "benchmarks/rerank/{n}.tsv"
    shell:
        "touch {output}"


rule check_outcomes:
    input:
        "cells/{n}.calls.csv",
    output:
        touch("cells/{n}.checked"),
    log:
        "logs/check/{n}.log",


rule page:
    input:
        rules.rerank.output,
        lambda w: f"queries/{int(w.n) % 19}.tsv",
        lambda w: f"qrels/{int(w.n) % 19}.txt",
    output:
        "pages/{n}.html",
    log:
        "logs/page/{n}.log",
    shell:
        "touch {output}"


rule evaluate:
    input:
        runs=expand("cells/{n}.trec", n=CELLS),
        calls=expand("cells/{n}.calls.csv", n=CELLS),
        manifests=expand("cells/{n}.json", n=CELLS),
        checked=expand("cells/{n}.checked", n=CELLS),
        first=expand("runs/{n}/none.trec", n=RETRIEVERS),
        qrels=expand("qrels/{n}.txt", n=COLLECTIONS),
        queries=expand("queries/{n}.tsv", n=COLLECTIONS),
    output:
        "evaluation.csv",
    log:
        "logs/evaluate.log",
    shell:
        "touch {output}"


rule report:
    input:
        "evaluation.csv",
        expand("pages/{n}.html", n=CELLS),
    output:
        "report.html",
    log:
        "logs/report.log",
    shell:
        "touch {output}"
