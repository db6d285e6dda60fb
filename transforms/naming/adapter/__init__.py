"""The packaged adapter: LoRA for SmolLM2-135M-Instruct, tuned to name what titles have in common.

docs/models/naming.md describes its training data and its quality.
"""

from pathlib import Path

from transforms.language_models.spec import ModelSpec, packaged_adapter

ADAPTER_DIR = Path(__file__).parent
"""The folder of the adapter, in the layout of PEFT."""

BUILTIN = "builtin"
"""The name of SmolLM2 with this adapter."""

PACKAGED_MODELS = {BUILTIN: ModelSpec("smollm2", adapter=packaged_adapter(__name__), label=BUILTIN)}
"""Language models whose adapters are part of this package, by name. Their names are as good in `int8` as in float32."""
