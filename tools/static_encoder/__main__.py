"""`python -m tools.static_encoder`: fit the packaged static encoder, and write its table and tokenizer."""

from __future__ import annotations

import argparse
import dataclasses
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tools.static_encoder.distill import distill
from tools.static_encoder.fit import FitConfig, bags_of, fit_table, start_table
from tools.static_encoder.reference import project, reference_vectors
from tools.static_encoder.texts import is_held_out, training_collections, training_texts
from transforms.encoders.locate import PACKAGED, locate_encoder
from transforms.encoders.quantized_static import quantize_table, write_table
from transforms.encoders.tokenizer import TextTokenizer
from transforms.encoders.transformer import TransformerEncoder

_MAX_TOKENS = 64


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.static_encoder", description=__doc__)
    add = parser.add_argument
    add("--items", nargs="+", type=Path, required=True, help="Parquet files with `title`, `description`, `creator`.")
    add("--collections", type=Path, required=True, help="Parquet file of `collections`, with `list_title`.")
    add(
        "--cache",
        type=Path,
        required=True,
        help="Folder for the vectors of the reference encoder and the held-out collections.",
    )
    add("--output", type=Path, default=PACKAGED, help="Folder that receives the table and the tokenizer.")
    add("--dimension", type=int, default=256, help="Number of components.")
    add("--max_texts", type=int, help="Maximum number of texts. Default: all.")
    for field in dataclasses.fields(FitConfig):
        add(f"--{field.name}", type=type(field.default), default=field.default)
    args = parser.parse_args()

    collections = pq.read_table(args.collections)
    args.cache.mkdir(parents=True, exist_ok=True)
    pq.write_table(collections.filter(pa.array(is_held_out(collections))), args.cache / "held_out.parquet")
    texts = training_texts(map(pq.read_table, args.items), collections)[: args.max_texts]

    layout = locate_encoder("minilm")
    reference = TransformerEncoder(layout, max_tokens=_MAX_TOKENS, dtype="bfloat16")
    targets = project(reference_vectors(reference, texts, args.cache / "vectors"), args.dimension)
    tokenizer = TextTokenizer(layout, _MAX_TOKENS, special=False)
    bags, (grouped, members) = bags_of(tokenizer.tokens(texts)), training_collections(collections)
    start = start_table(distill(TransformerEncoder(layout, max_tokens=8), args.dimension), bags, targets)
    config = FitConfig(**{field.name: getattr(args, field.name) for field in dataclasses.fields(FitConfig)})
    table = fit_table(start, bags, targets, bags_of(tokenizer.tokens(grouped)), members, config)
    write_table(args.output / "table.npz", quantize_table(table))
    shutil.copyfile(layout.tokenizer, args.output / "tokenizer.json")
    print(f"{len(texts):,} texts, {len(members):,} collections -> {args.output}")


if __name__ == "__main__":
    main()
