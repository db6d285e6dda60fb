"""A real server of chat completions behind which a real model answers."""

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
    """A server that puts what it is asked to a model: the dialogue, the question and how to draw are the request's."""
    models: dict[tuple[PromptTemplate, DecodingConfig], TransformersModel] = {}
    one_at_a_time = threading.Lock()

    def reply(body: dict[str, Any]) -> Reply:
        asked = dialogue_of(body), DecodingConfig(body["max_tokens"], body["temperature"])
        with one_at_a_time:
            if asked not in models:
                models[asked] = TransformersModel(folder, None, *asked, device="cpu")
            (answer,) = models[asked].generate([body["messages"][-1]["content"]])
        return failed(500, answer.failure) if answer.text is None else said(answer.text)

    with serving() as server:
        server.default = reply
        yield server


def dialogue_of(body: dict[str, Any]) -> PromptTemplate:
    """What a request says before its question."""
    told = [message["content"] for message in body["messages"] if message["role"] == "system"]
    turns = [message["content"] for message in body["messages"][:-1] if message["role"] != "system"]
    return PromptTemplate("".join(told), tuple(zip(turns[::2], turns[1::2], strict=True)))
