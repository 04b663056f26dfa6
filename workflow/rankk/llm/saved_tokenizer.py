"""A tokenizer as saved in a model's folder, without transformers, whose import takes a second."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from rankk.io.files import read_json

KNOWN: dict[str, tuple[str | None, ...]] = {
    "TokenizersBackend": (None, "llama"),
    "PreTrainedTokenizer": (None, "llama"),
    "Qwen2Tokenizer": ("qwen2", "qwen3", "qwen3_moe"),
}
"""Declared classes without "Fast", and types of models, that transformers loads from tokenizer.json alone."""
QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
"""How Qwen2Tokenizer splits a text before BPE, whatever tokenizer.json says."""
SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
UNLIMITED = int(1e30)


class SavedTokenizer:
    """What is needed of transformers' fast tokenizers, by the same names, of a tokenizer.json and its settings."""

    is_fast = True

    def __init__(self, folder: Path, declared: Mapping[str, Any], chat_template: str | None) -> None:
        from tokenizers import Regex, Tokenizer, normalizers
        from tokenizers import pre_tokenizers as pre

        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        if declared["tokenizer_class"].startswith("Qwen2"):
            steps = [pre.Split(Regex(QWEN), "isolated"), pre.ByteLevel(add_prefix_space=False, use_regex=False)]
            self._tokenizer.normalizer, self._tokenizer.pre_tokenizer = normalizers.NFC(), pre.Sequence(steps)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.chat_template = chat_template
        self.model_max_length = int(declared.get("model_max_length") or UNLIMITED)
        self._special = {name: token for name in SPECIAL if (token := _text(declared.get(name)))}
        more = declared.get("extra_special_tokens") or declared.get("additional_special_tokens") or ()
        self.all_special_tokens = [*self._special.values(), *filter(None, map(_text, more))]
        self.bos_token, self.eos_token = self._special.get("bos_token"), self._special.get("eos_token")

    @property
    def bos_token_id(self) -> int | None:
        """Id of the token that begins a text, if one is declared."""
        return self.convert_tokens_to_ids(self.bos_token)

    @property
    def eos_token_id(self) -> int | None:
        """Id of the token that ends an answer."""
        return self.convert_tokens_to_ids(self.eos_token)

    @property
    def added_tokens_decoder(self) -> dict[int, Any]:
        """Tokens beside the vocabulary, by id."""
        added: dict[int, Any] = self._tokenizer.get_added_tokens_decoder()
        return added

    def convert_tokens_to_ids(self, token: str | None) -> int | None:
        """The id of a token."""
        number: int | None = None if token is None else self._tokenizer.token_to_id(token)
        return number

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, control tokens included."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        return text

    def __call__(
        self,
        text: str,
        pair: str | None = None,
        *,
        add_special_tokens: bool = True,
        return_offsets_mapping: bool = False,
        verbose: bool = True,
    ) -> dict[str, Any]:
        """Token ids, and each token's first and last character where they are wanted."""
        encoding = self._tokenizer.encode(text, pair, add_special_tokens=add_special_tokens)
        return {"input_ids": encoding.ids} | ({"offset_mapping": encoding.offsets} if return_offsets_mapping else {})

    def apply_chat_template(
        self,
        messages: Sequence[Mapping[str, str]],
        *,
        tokenize: bool = False,
        add_generation_prompt: bool = False,
        **more: Any,
    ) -> str:
        """The text of a conversation. ValueError without a template, jinja2.TemplateError where it refuses."""
        if self.chat_template is None:
            raise ValueError("the tokenizer has no chat template")
        text: str = self._template.render(
            messages=messages, add_generation_prompt=add_generation_prompt, tools=None, documents=None,
            **self._special | more,
        )  # fmt: skip
        return text

    @cached_property
    def _template(self) -> Any:
        """The compiled template, with the settings, filters and functions that templates on the hub expect."""
        from jinja2 import TemplateError
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        def refuse(message: str) -> None:
            raise TemplateError(message)

        def tojson(value: Any, ensure_ascii: bool = False, **more: Any) -> str:
            return json.dumps(value, ensure_ascii=ensure_ascii, **more)

        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.filters["tojson"] = tojson
        environment.globals |= {
            "raise_exception": refuse,
            "strftime_now": lambda form: datetime.now().strftime(form),
        }
        return environment.from_string(self.chat_template or "")


def saved_tokenizer(folder: Path) -> SavedTokenizer | None:
    """The tokenizer of a model's folder; None if transformers is needed to load it, or to report an error."""
    try:
        declared = read_json(folder / "tokenizer_config.json")
        config = folder / "config.json"
        kind = read_json(config)["model_type"] if config.is_file() else None
        if kind not in KNOWN.get(declared["tokenizer_class"].removesuffix("Fast"), ()):
            return None
        if (
            declared.keys() & {"auto_map", "add_bos_token", "add_eos_token"}
            or not (folder / "tokenizer.json").is_file()
        ):
            return None
        file = folder / "chat_template.jinja"
        template = file.read_text(encoding="utf-8") if file.is_file() else declared.get("chat_template")
        if not isinstance(template, str | None) or "generation %}" in (template or ""):
            return None
        tokenizer = SavedTokenizer(folder, declared, template)
        wanted = [*tokenizer.all_special_tokens, *(added["content"] for added in _added(declared))]
        return tokenizer if None not in map(tokenizer.convert_tokens_to_ids, wanted) else None
    except Exception:  # the only type that tokenizers raises; transformers reports the cause
        return None


def _added(declared: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Tokens that transformers adds where tokenizer.json lacks them."""
    return list(declared.get("added_tokens_decoder", {}).values())


def _text(token: Any) -> str | None:
    """A special token as declared: a text, or a mapping that holds it."""
    return token.get("content") if isinstance(token, dict) else token
