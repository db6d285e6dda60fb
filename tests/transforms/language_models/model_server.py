"""A real server of chat completions with a real model."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.transforms.language_models.endpoint_server import Reply, Server, failed, said, serving
from transforms.language_models.decoding import DecodingConfig
from transforms.language_models.folder import ModelFolder
from transforms.language_models.prompt_template import PromptTemplate
from transforms.language_models.transformers_model import TransformersModel


@contextmanager
def serving_model(folder: ModelFolder) -> Iterator[Server]:
    """A server that passes requests to a model: the template, the prompt and the decoding are those of the request.

    The model computes in float32: whether completions in bfloat16 depend on the batch is a property of the processor.
    """
    models: dict[tuple[PromptTemplate, DecodingConfig], TransformersModel] = {}
    one_at_a_time = threading.Lock()

    def reply(body: dict[str, Any]) -> Reply:
        settings = dialogue_of(body), DecodingConfig(body["max_tokens"], body["temperature"])
        with one_at_a_time:
            if settings not in models:
                models[settings] = TransformersModel(folder, None, *settings, device="cpu", dtype="float32")
            (nbest,) = models[settings].generate([body["messages"][-1]["content"]])
        return said(nbest.completions[0].text) if nbest.completions else failed(500, nbest.failure)

    with serving() as server:
        server.default = reply
        yield server


def dialogue_of(body: dict[str, Any]) -> PromptTemplate:
    """The messages of a request before its prompt."""
    reported = [message["content"] for message in body["messages"] if message["role"] == "system"]
    turns = [message["content"] for message in body["messages"][:-1] if message["role"] != "system"]
    return PromptTemplate("".join(reported), tuple(zip(turns[::2], turns[1::2], strict=True)))
