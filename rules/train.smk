# Training: windows from first stages, the teacher's orders, fine-tuning, and merging of weights.


from rankk.training.stages import TrainingStages

TRAINING = TrainingStages(EXPERIMENT)

for name, training in EXPERIMENT.training.items():

    rule:
        name:
            f"windows_{name}"
        input:
            learnt=TRAINING.texts(TRAINING.learnt(name)),
            development=TRAINING.texts(TRAINING.development(name)),
            held_out=TRAINING.texts(TRAINING.held_out(name)),
        output:
            windows=paths.training(name, "windows.jsonl.gz"),
            passages=paths.training(name, "passages.jsonl.gz"),
            facts=paths.training(name, "windows.json"),
        log:
            paths.log("training", name, "windows"),
        benchmark:
            paths.benchmark("training", name, "windows")
        conda:
            "../envs/workflow.yaml"
        resources:
            mem_mb=RESOURCES.memory(8000),
            runtime=RESOURCES.minutes(240),
        params:
            settings=training.windows.model_dump(mode="json"),
            learnt=TRAINING.learnt(name),
            development=TRAINING.development(name),
            held_out=TRAINING.held_out(name),
            code=fingerprint("rankk.training.windows"),
        message:
            f"Training windows for {name}"
        script:
            "../scripts/windows.py"

    rule:
        name:
            f"teach_{name}"
        input:
            windows=paths.training(name, "windows.jsonl.gz"),
            passages=paths.training(name, "passages.jsonl.gz"),
            model=TRAINING.teacher_model(name),
        output:
            examples=paths.training(name, "examples.jsonl.gz"),
            facts=paths.training(name, "examples.json"),
        log:
            paths.log("training", name, "teach"),
        benchmark:
            paths.benchmark("training", name, "teach")
        conda:
            "../envs/llm.yaml"
        resources:
            **RESOURCES.gpus(TRAINING.teacher_gpus(name)),
            mem_mb=RESOURCES.memory(16000),
            runtime=RESOURCES.minutes(1440),
        params:
            teacher=TRAINING.teacher(name),
            min_agreement=training.min_agreement,
            thoughts=training.thoughts.model_dump(mode="json"),
            undecided=training.undecided,
            code=fingerprint("rankk.training.teacher"),
        message:
            f"Teacher's answers for {name}"
        script:
            "../scripts/teach.py"

    rule:
        name:
            f"tokens_{name}"
        input:
            examples=paths.training(name, "examples.jsonl.gz"),
            passages=paths.training(name, "passages.jsonl.gz"),
            base=TRAINING.base(name),
        output:
            tokens=directory(paths.training(name, "tokens")),
            facts=paths.training(name, "tokens.json"),
        log:
            paths.log("training", name, "tokens"),
        benchmark:
            paths.benchmark("training", name, "tokens")
        conda:
            "../envs/workflow.yaml"
        threads: 8
        resources:
            mem_mb=RESOURCES.memory(16000),
            runtime=RESOURCES.minutes(240),
        params:
            base=training.base,
            revision=training.revision,
            reranker=EXPERIMENT.rerankers[training.reranker].deciding(),
            shortest_passages=training.shortest_passages,
            max_length=training.max_length,
            code=fingerprint("rankk.training.tokens"),
        message:
            f"Tokens for {name}"
        script:
            "../scripts/tokens.py"

    rule:
        name:
            f"fit_{name}"
        input:
            tokens=paths.training(name, "tokens"),
            base=TRAINING.base(name),
        output:
            directory(paths.training(name, "adapter")),
        log:
            paths.log("training", name, "fit"),
        benchmark:
            paths.benchmark("training", name, "fit")
        conda:
            "../envs/workflow.yaml"
        threads: 8
        resources:
            **RESOURCES.gpus(training.fit.gpus),
            mem_mb=RESOURCES.memory(16000),
            runtime=RESOURCES.minutes(1440),
        params:
            base=training.base,
            revision=training.revision,
            fit=training.fit.model_dump(mode="json"),
            code=fingerprint("rankk.training.sft"),
        message:
            f"Fine-tune {name}"
        script:
            "../scripts/fit.py"

    rule:
        name:
            f"model_{name}"
        input:
            base=TRAINING.base(name),
            trained=paths.training(name, "adapter"),
        output:
            directory(paths.model(name)),
        log:
            paths.log("models", name),
        benchmark:
            paths.benchmark("models", name)
        conda:
            "../envs/workflow.yaml"
        resources:
            mem_mb=RESOURCES.memory(16000),
            runtime=RESOURCES.minutes(60),
        params:
            base=training.base,
            revision=training.revision,
            code=fingerprint("rankk.fetching.models"),
        message:
            f"Merge the weights of {name}"
        script:
            "../scripts/merge.py"

    rule:
        name:
            f"card_{name}"
        input:
            windows=paths.training(name, "windows.json"),
            examples=paths.training(name, "examples.json"),
            tokens=paths.training(name, "tokens.json"),
            trained=paths.training(name, "adapter"),
            summary=paths.experiment(NAME, "summary.csv"),
            significance=paths.experiment(NAME, "significance.csv"),
        output:
            card=paths.training(name, "README.md"),
            figure=report(
                paths.training(name, "figures/loss.png"),
                category="Training",
                labels={"model": name, "figure": "loss"},
                caption=os.path.abspath(paths.training(name, "figures/loss.rst")),
            ),
        log:
            paths.log("training", name, "card"),
        benchmark:
            paths.benchmark("training", name, "card")
        conda:
            "../envs/workflow.yaml"
        resources:
            mem_mb=RESOURCES.memory(2000),
            runtime=RESOURCES.minutes(30),
        params:
            name=name,
            training=training.model_dump(mode="json"),
            licences=TRAINING.licences(name),
            code=fingerprint("rankk.training.card"),
        message:
            f"Model card of {name}"
        script:
            "../scripts/model_card.py"
