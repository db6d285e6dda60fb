"""`python -m schemas`: write the documentation of the datasets."""

from pathlib import Path

from schemas.docs import render_markdown

Path(__file__).with_name("README.md").write_text(render_markdown(), encoding="utf-8")
