"""Beam transform from naming inputs to names by a language model."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import apache_beam as beam

from transforms.language_models.generate import GenerateTexts
from transforms.naming.assignment import NamingContext
from transforms.naming.stages import AssignNames, BuildRequests, ResolveRetries, ToPrompts


class NamedByModel(NamedTuple):
    """The collections that `NameByModel` returns.

    Attributes:
        names: record batches of `journey_names`.
        generations: record batches of `generations`.
        errors: record batches of `errors`.
        counts: counts of prompts and generations.
        name_counts: counts of names and journeys.
    """

    names: beam.PCollection
    generations: beam.PCollection
    errors: beam.PCollection
    counts: beam.PCollection
    name_counts: beam.PCollection


@dataclasses.dataclass
class NameByModel(beam.PTransform):
    """Record batches of `NAMING_INPUTS` -> names by a language model.

    There is one prompt for each journey, and a second one for names that are taken or can be mended.

    Attributes:
        context: the configuration of naming.
        generate: the generation, which is used for both prompts.
        buckets: number of buckets of users and prompts; affects memory and parallelism, not the result.
    """

    context: NamingContext
    generate: GenerateTexts
    buckets: int = 16

    def expand(self, inputs: beam.PCollection) -> NamedByModel:
        requests = inputs | "BuildRequests" >> BuildRequests(self.context)
        first = requests | "ToPrompts" >> ToPrompts() | "Generate" >> self.generate
        assigned = {
            "requests": requests,
            "generations": first.generations,
            "failures": first.failures,
        } | "AssignNames" >> AssignNames(self.context, self.buckets, self.generate.progress)
        second = assigned.retries | "RetriesToPrompts" >> ToPrompts() | "GenerateRetries" >> self.generate
        names, counts = {
            "retries": assigned.retries,
            "generations": second.generations,
            "failures": second.failures,
            "assigned": assigned.names,
        } | "ResolveRetries" >> ResolveRetries(self.context, self.buckets)
        return NamedByModel(
            (assigned.names, names) | "AllNames" >> beam.Flatten(),
            (first.generations, second.generations) | "AllGenerations" >> beam.Flatten(),
            (first.errors, second.errors) | "AllErrors" >> beam.Flatten(),
            (first.counts, second.counts) | "AllCounts" >> beam.Flatten(),
            (assigned.counts, counts) | "NameCounts" >> beam.Flatten(),
        )
