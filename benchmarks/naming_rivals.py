"""Plain transformers, used as its documentation shows, as a baseline for the speed of generation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from transforms.language_models.folder import AdapterFolder, ModelFolder
from transforms.language_models.prompt_template import PromptTemplate, chat_messages
from transforms.language_models.transformers_model import TransformersModel

Complete = Callable[[Sequence[str]], list[str]]


class PlainGenerate:
    """`generate()` of transformers, for single prompts, or for several together, padded to the longest.

    The model is loaded with the dtype that `from_pretrained` selects, which is that of its files; LoRA is merged. Each
    prompt is the whole conversation in the chat template of the model.

    Args:
        folder: decoder-only model with a chat template.
        adapter: LoRA; None: no adapter.
        template: prompt template.
        max_new_tokens: maximum number of tokens of a completion.
        together: prompts per call.
    """

    def __init__(
        self,
        folder: ModelFolder,
        adapter: AdapterFolder | None,
        template: PromptTemplate,
        max_new_tokens: int,
        together: int,
    ) -> None:
        self._template = template
        self._max_new_tokens = max_new_tokens
        self._together = together
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder.folder, padding_side="left")
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        model: Any = AutoModelForCausalLM.from_pretrained(folder.folder)
        if adapter is not None:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, adapter.folder).merge_and_unload()
        self._model: Any = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()

    @property
    def dtype(self) -> str:
        """The dtype of the weights."""
        return str(self._model.dtype).removeprefix("torch.")

    def __call__(self, prompts: Sequence[str]) -> list[str]:
        """Return the first line of each completion."""
        starts = range(0, len(prompts), self._together)
        return [text for start in starts for text in self._complete(prompts[start : start + self._together])]

    def _complete(self, prompts: Sequence[str]) -> list[str]:
        inputs = self.tokenizer.apply_chat_template(
            [chat_messages(self._template, prompt) for prompt in prompts],
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
            padding=True,
        ).to(self._model.device)
        output = self._model.generate(
            **inputs, max_new_tokens=self._max_new_tokens, do_sample=False, pad_token_id=self.tokenizer.pad_token_id
        )
        texts = self.tokenizer.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        return [text.partition("\n")[0].strip() for text in texts]


class WithoutSharing(TransformersModel):
    """The implementation of the project, which processes the common prefix again for every prompt."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._before = self._template.before
        self._template = self._template._replace(before=[])

    def _prompt_ids(self, prompt: str) -> list[int]:
        return [*self._before, *super()._prompt_ids(prompt)]


def texts_of(model: TransformersModel) -> Complete:
    """Return a function that completes prompts with a model.

    Raises:
        RuntimeError: if the model fails to complete a prompt.
    """

    def complete(prompts: Sequence[str]) -> list[str]:
        texts = []
        for nbest in model.generate(prompts):
            if nbest.failure:
                raise RuntimeError(f"a prompt was not completed: {nbest.failure}")
            texts.append(nbest.completions[0].text)
        return texts

    return complete
