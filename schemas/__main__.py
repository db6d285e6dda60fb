"""`python -m schemas`: writes the page about the datasets."""

from pathlib import Path

from schemas.page import page

Path(__file__).with_name("README.md").write_text(page(), encoding="utf-8")
