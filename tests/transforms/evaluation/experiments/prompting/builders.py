"""A model for tests, and a small configuration."""

from __future__ import annotations

from transforms.evaluation.experiments.prompting.config import SCOPES, PromptedModel, PromptingConfig
from transforms.language_models.spec import ModelSpec

MODEL = PromptedModel(ModelSpec("hub", "toy"), tuple(f"toy@{place}" for place in range(len(SCOPES))))
SMALL = PromptingConfig(MODEL, named_collections=(2, 3), histories_per_k=4, titles_per_collection=4)
