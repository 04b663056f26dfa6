# Effectiveness of every cell over the whole topic list.


rule evaluate:
    input:
        runs=[cell.run for cell in EXPERIMENT.cells],
        manifests=[cell.manifest for cell in EXPERIMENT.cells if cell.reranked],
        qrels=[grid.qrels(name) for name in EXPERIMENT.collections],
        queries=[
            grid.queries(cell.collection, cell.language) for cell in EXPERIMENT.cells
        ],
    output:
        summary=grid.experiment(NAME, "summary.csv"),
        per_query=grid.experiment(NAME, "per_query.csv"),
    log:
        f"results/logs/experiments/{NAME}.evaluate.log",
    benchmark:
        f"results/benchmarks/experiments/{NAME}.evaluate.tsv"
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        cells=EXPERIMENT.cells_as_lists,
        measures={
            name: collection.measures
            for name, collection in EXPERIMENT.collections.items()
        },
        baselines=EXPERIMENT.baselines_as_lists,
        code=fingerprint("rankk.evaluation"),
    script:
        "../scripts/evaluate.py"
