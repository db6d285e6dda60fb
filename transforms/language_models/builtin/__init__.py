"""What comes with the package: LoRA for SmolLM2-135M-Instruct, which teaches it to name what titles have in common.

docs/models/naming.md says what it was taught from, and how good it is.
"""

from pathlib import Path

BUILTIN = Path(__file__).parent
"""The folder of the adapter, as PEFT lays it out."""
