"""The salient terms of the items of the experiment, on Beam."""

from __future__ import annotations

import dataclasses

import apache_beam as beam

from transforms.salience.config import SalienceConfig
from transforms.salience.salient_terms import SalientTerms


@dataclasses.dataclass
class TermsOfItems(beam.PTransform):
    """Rows of `items`, each once -> rows of `salient_terms`.

    Attributes:
        salience: limits of the vocabulary and of the terms of an item.
    """

    salience: SalienceConfig

    def expand(self, items: beam.PCollection) -> beam.PCollection:
        salient, _ = items | "SalientTerms" >> SalientTerms(self.salience)
        return salient
