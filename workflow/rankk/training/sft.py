"""Supervised fine-tuning on windows and their answers, with TRL and PEFT; prompts do not count in the loss."""

import signal
import time
from pathlib import Path
from typing import Any

from rankk.config.training import Fit
from rankk.errors import RankkError
from rankk.io.files import atomic_write, write_json
from rankk.provenance import environment
from rankk.training.tokens import SPLITS

FIRST_PLACES = "first_place_accuracy"
"""Share of orders in which greedy decoding would write the right first place, given all tokens before it.

A model that learns only the form of the answers also lowers its loss; this share shows whether it reads the passages.
"""
PADDED_TO = 64
"""Batches are padded to a multiple of so many tokens: a GPU compiles or chooses kernels anew for every shape."""


def fine_tune(tokens: str | Path, base: str, fit: Fit, folder: str | Path, *, revision: str | None = None) -> None:
    """Train `base` on the data sets below `tokens` (one a split, as `rankk.training.tokens.write_tokens` writes them).

    Writes the adapter or the weights, training.csv (losses by step) and training.json (facts) to `folder`. Checkpoints
    are written to a folder beside it. On SIGTERM, which Slurm sends before its time limit, the training writes a
    checkpoint and raises RankkError; the next call continues from the checkpoint.
    """
    from datasets import load_from_disk

    target = Path(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    data = {split: load_from_disk(str(Path(tokens, split))) for split in SPLITS if Path(tokens, split).exists()}
    trainer = _trainer(data, base, revision, fit, target.with_name(f"{target.name}.checkpoints"))
    began = time.monotonic()
    history = _run(trainer, target)
    if fit.lora_rank is not None:
        trainer.model.to(trainer.model.get_base_model().dtype)  # trained in 32 bits, saved in the base's type
    trainer.model.save_pretrained(str(target))
    trainer.processing_class.save_pretrained(str(target))
    _write_history(history, target / "training.csv")
    facts = {"base": base, "revision": revision, "fit": fit.model_dump(mode="json")}
    write_json(target / "training.json", facts | {"seconds": round(time.monotonic() - began, 1), **environment()})


def _trainer(data: dict[str, Any], base: str, revision: str | None, fit: Fit, checkpoints: Path) -> Any:
    import torch
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    on_gpu = torch.cuda.is_available()
    steps = max(1, round(len(data["train"]) * fit.epochs / fit.batch))
    evaluated = bool(fit.evaluations and "development" in data)
    micro = min(fit.micro_batch, fit.batch)
    config = SFTConfig(
        output_dir=str(checkpoints),
        max_steps=steps,
        per_device_train_batch_size=micro,
        per_device_eval_batch_size=micro,
        gradient_accumulation_steps=max(1, fit.batch // micro),
        learning_rate=fit.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=round(fit.warmup * steps),
        weight_decay=fit.weight_decay,
        bf16=on_gpu,
        use_cpu=not on_gpu,
        gradient_checkpointing=fit.gradient_checkpointing,
        max_length=None,
        train_sampling_strategy="group_by_length",
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
        dataloader_num_workers=2 if on_gpu else 0,  # reading and padding a batch takes a third of a small model's step
        logging_steps=max(1, steps // 100),
        eval_strategy="steps" if evaluated else "no",
        eval_steps=max(1, steps // fit.evaluations) if evaluated else None,
        save_strategy="no",  # the callback of _clock saves by time
        report_to=[],
        seed=fit.seed,
        disable_tqdm=False,
    )
    adapter = None
    if fit.lora_rank is not None:
        adapter = LoraConfig(
            r=fit.lora_rank, lora_alpha=fit.lora_alpha, target_modules="all-linear", task_type="CAUSAL_LM"
        )
    # Trained weights need 32 bits, frozen ones do not; PEFT keeps adapters in 32 bits.
    dtype = torch.bfloat16 if on_gpu and adapter else torch.float32
    model = AutoModelForCausalLM.from_pretrained(base, revision=revision, dtype=dtype, trust_remote_code=False)
    model.get_input_embeddings().requires_grad_(fit.embeddings)
    if on_gpu:
        for layer in model.model.layers:  # all layers share one compilation
            layer.compile()
    tokenizer = AutoTokenizer.from_pretrained(base, revision=revision, trust_remote_code=False)

    class Trainer(SFTTrainer):
        loss_is_scaled_for_ga = False  # type: ignore[assignment]  # the loss is the mean of each micro batch

        def _get_train_sampler(self, *arguments: Any) -> Any:
            sampler = super()._get_train_sampler(*arguments)
            sampler.lengths = list(sampler.lengths)  # a data set reads its column anew at every access
            return sampler

        def compute_loss(
            self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, *_: Any, **__: Any
        ) -> Any:
            weights, first = inputs.pop("weights")[:, 1:], inputs.pop("first")[:, 1:]
            outputs = model(**inputs, fused_lm_head=True)  # TRL's head: logits of labelled tokens only
            if (rows := first.any(1)).any():
                right = (outputs.is_top1.bool() | ~first).all(1)[rows].float().mean()
                self._metrics["train" if self.model.training else "eval"][FIRST_PLACES].append(right.detach())
            loss = -(outputs.log_probs * weights).sum() / weights.sum()
            return (loss, outputs) if return_outputs else loss

        def log(self, logs: dict[str, float], *rest: Any) -> None:
            for metrics in self._metrics.values():  # read from the device here, so that no step waits
                metrics[FIRST_PLACES] = [float(share) for share in metrics.pop(FIRST_PLACES, [])]
                if not metrics[FIRST_PLACES]:
                    del metrics[FIRST_PLACES]
            super().log(logs, *rest)

    trainer = Trainer(
        model=model,
        args=config,
        train_dataset=data["train"],
        eval_dataset=data["development"] if evaluated else None,
        processing_class=tokenizer,
        data_collator=_collator(tokenizer.eos_token_id),
        peft_config=adapter,
    )
    trainer.add_callback(_clock(fit.checkpoint_minutes * 60))
    return trainer


def _collator(padding: int) -> Any:
    """A collator that pads on the right and drops the attention mask.

    Causal attention never reads padding on the right, and without a mask faster kernels can be used.
    """
    import torch
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    class Collator(DataCollatorForLanguageModeling):
        def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
            batch: dict[str, Any] = super().torch_call(examples)
            rows, length = batch.pop("attention_mask").shape
            weights, first = torch.zeros(rows, length), torch.zeros(rows, length, dtype=torch.bool)
            for row, example in enumerate(examples):
                weights[row, : example["length"]] = torch.tensor(example["weights"])
                first[row, slice(*example["first"])] = True
            return batch | {"position_ids": torch.arange(length).repeat(rows, 1), "weights": weights, "first": first}

    return Collator(pad_token_id=padding, pad_to_multiple_of=PADDED_TO)


def _clock(seconds: float) -> Any:
    """A trainer's callback that saves a checkpoint every `seconds`, and saves and stops after SIGTERM or SIGINT."""
    from transformers import TrainerCallback

    class Clock(TrainerCallback):  # type: ignore[misc]
        def __init__(self) -> None:
            self.saved, self.stopped = time.monotonic(), False
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self._stop)

        def _stop(self, *_: object) -> None:
            self.stopped = True

        def on_step_end(self, _args: Any, _state: Any, control: Any, **_: object) -> None:
            if self.stopped or time.monotonic() - self.saved > seconds:
                control.should_save, self.saved = True, time.monotonic()
            control.should_training_stop |= self.stopped

    return Clock()


def _run(trainer: Any, target: Path) -> list[dict[str, float]]:
    checkpoints = Path(trainer.args.output_dir)
    there = any(checkpoints.glob("checkpoint-*"))
    trainer.train(resume_from_checkpoint=there or None)
    if trainer.state.global_step < trainer.args.max_steps:
        raise RankkError(
            f"{target}: interrupted at step {trainer.state.global_step} of {trainer.args.max_steps}; a checkpoint is "
            f"in {checkpoints}: run again to go on"
        )
    return list(trainer.state.log_history)


def _write_history(history: list[dict[str, float]], path: Path) -> None:
    """Write CSV lines with step, epoch, losses, shares of right first places, learning rate and gradient norm."""
    columns = {"step": "step", "epoch": "epoch", "loss": "loss", "eval_loss": "development_loss"}
    columns |= {FIRST_PLACES: FIRST_PLACES, f"eval_{FIRST_PLACES}": f"development_{FIRST_PLACES}"}
    columns |= {"learning_rate": "learning_rate", "grad_norm": "gradient_norm"}
    with atomic_write(path) as file:
        file.write(",".join(columns.values()) + "\n")
        for entry in history:
            if "loss" in entry or "eval_loss" in entry:
                file.write(",".join(str(entry.get(name, "")) for name in columns) + "\n")
