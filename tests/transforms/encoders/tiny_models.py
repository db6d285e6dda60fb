"""A BERT of random weights that is made in a moment, in the layout of sentence-transformers."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import BertProcessing
from transformers import BertConfig, BertModel

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[unused0]"]
WORDS = [*"abcdefghijklmnopqrstuvwxyz", *"0123456789", "tea", "pot", "garden", "car", "##s", "##ing", "red", "blue"]


def make_tokenizer(lowercase: bool = True) -> Tokenizer:
    vocabulary = {token: number for number, token in enumerate([*SPECIAL, *WORDS])}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.add_special_tokens(SPECIAL[:4])
    tokenizer.enable_padding(length=128)  # as the files of real models have it
    tokenizer.enable_truncation(128)
    return tokenizer


def write_modules(folder: Path, *modules: tuple[str, str]) -> None:
    described = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for index, (path, kind) in enumerate(modules)
    ]
    (folder / "modules.json").write_text(json.dumps(described))


def make_bert(folder: Path, pooling: str = "mean_tokens", seed: int = 0, lowercase: bool = True) -> Path:
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(SPECIAL) + len(WORDS),
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=32,
        max_position_embeddings=40,
        initializer_range=0.5,
    )
    BertModel(config).save_pretrained(folder)
    make_tokenizer(lowercase).save(str(folder / "tokenizer.json"))
    write_modules(folder, ("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": 24, f"pooling_mode_{pooling}": True})
    return folder


def make_static(folder: Path, seed: int = 0) -> Path:
    """Write a static table of random rows; special and reserved tokens have none."""
    table = torch.randn(len(SPECIAL) + len(WORDS), 24, generator=torch.Generator().manual_seed(seed))
    table[[0, 2, 3, 4]] = 0.0
    module = folder / "0_StaticEmbedding"
    module.mkdir(parents=True)
    save_file({"embedding.weight": table}, module / "model.safetensors")
    make_tokenizer().save(str(module / "tokenizer.json"))
    write_modules(folder, ("0_StaticEmbedding", "StaticEmbedding"), ("1_Normalize", "Normalize"))
    return folder


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value))
