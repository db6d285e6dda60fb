"""What a language model's answers are measured beside: transformers, used in the ways that its pages show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from transforms.language_models.folder import AdapterFolder, ModelFolder
from transforms.language_models.prompt_template import PromptTemplate, chat_messages
from transforms.language_models.transformers_model import TransformersModel

Answers = Callable[[Sequence[str]], list[str]]


class PlainGenerate:
    """`generate()` of transformers, for one question after the other, or for some together, padded to the longest.

    The model is loaded with the type that `from_pretrained` chooses, which is that of its files; LoRA is merged. Each
    prompt is the whole dialogue in the words of the model's template.

    Args:
        folder: a decoder with a chat template.
        adapter: LoRA; None: none.
        template: what is said around each question.
        max_new_tokens: an answer is cut after so many.
        together: questions of a call.
    """

    def __init__(
        self,
        folder: ModelFolder,
        adapter: AdapterFolder | None,
        template: PromptTemplate,
        max_new_tokens: int,
        together: int,
    ) -> None:
        self._dialogue = template
        self._most = max_new_tokens
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
        """The type of the weights."""
        return str(self._model.dtype).removeprefix("torch.")

    def __call__(self, questions: Sequence[str]) -> list[str]:
        """The first line of each answer."""
        starts = range(0, len(questions), self._together)
        return [text for start in starts for text in self._answer(questions[start : start + self._together])]

    def _answer(self, questions: Sequence[str]) -> list[str]:
        inputs = self.tokenizer.apply_chat_template(
            [chat_messages(self._dialogue, question) for question in questions],
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
            padding=True,
        ).to(self._model.device)
        said = self._model.generate(
            **inputs, max_new_tokens=self._most, do_sample=False, pad_token_id=self.tokenizer.pad_token_id
        )
        texts = self.tokenizer.batch_decode(said[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        return [text.partition("\n")[0].strip() for text in texts]


class WithoutSharing(TransformersModel):
    """Ours, but for each question all that stands before it is read again."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._before = self._frame.before
        self._frame = self._frame._replace(before=[])

    def _read_of(self, question: str) -> list[int]:
        return [*self._before, *super()._read_of(question)]


def texts_of(model: TransformersModel) -> Answers:
    """A model's answers as texts.

    Raises:
        RuntimeError: when it fails to answer a question.
    """

    def answer(questions: Sequence[str]) -> list[str]:
        texts = []
        for answered in model.answer(questions):
            if answered.text is None:
                raise RuntimeError(f"a question was not answered: {answered.failure}")
            texts.append(answered.text)
        return texts

    return answer
