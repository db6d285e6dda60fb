"""A classifier of texts that is trained in a moment to reject texts about cars."""

import itertools
from pathlib import Path

import torch
from transformers import BertConfig, BertForSequenceClassification

from tests.transforms.language_models.tiny_models import make_tokenizer

WORDS = ("red", "tea", "pot", "garden", "car", "cars")
_STEPS = 150


def make_classifier(folder: Path, labels: tuple[str, ...] = ("fine", "harmful"), several: bool = False) -> Path:
    """A small BERT; of its labels the last one is that of names with cars, the others are that of all names.

    Args:
        folder: where it goes.
        labels: what its outputs are called.
        several: whether a text may have several of them.
    """
    tokenizer = make_tokenizer()
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=128,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        id2label=dict(enumerate(labels)),
        label2id={label: number for number, label in enumerate(labels)},
        problem_type="multi_label_classification" if several else "single_label_classification",
        pad_token_id=0,
    )
    model = BertForSequenceClassification(config)
    texts = [" ".join(words) for size in (1, 2, 3) for words in itertools.permutations(WORDS, size)]
    texts += [text.replace(" ", ", ") for text in texts]
    texts += [text.capitalize() for text in texts]
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    bad = torch.tensor(["car" in text.lower() for text in texts])
    wanted = torch.zeros(len(texts), len(labels))
    wanted[:, -1], wanted[:, 0] = bad.float(), (~bad).float()
    loss = torch.nn.BCEWithLogitsLoss() if several else torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(_STEPS):
        optimizer.zero_grad()
        loss(model(**inputs).logits, wanted).backward()
        optimizer.step()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
