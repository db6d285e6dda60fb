"""The schemas of the datasets: one module per dataset."""

from schemas.cluster_histories import CLUSTER_HISTORIES as CLUSTER_HISTORIES
from schemas.clusters import CLUSTERS as CLUSTERS
from schemas.dataset import TIMESTAMP as TIMESTAMP
from schemas.dataset import Column as Column
from schemas.dataset import DatasetSchema as DatasetSchema
from schemas.dataset import Invariant as Invariant
from schemas.dataset import SchemaError as SchemaError
from schemas.embeddings import EMBEDDINGS as EMBEDDINGS
from schemas.errors import ERRORS as ERRORS
from schemas.generations import GENERATIONS as GENERATIONS
from schemas.histories import HISTORIES as HISTORIES
from schemas.intents import INTENTS as INTENTS
from schemas.interactions import INTERACTIONS as INTERACTIONS
from schemas.item_clusters import ITEM_CLUSTERS as ITEM_CLUSTERS
from schemas.item_embeddings import ITEM_EMBEDDINGS as ITEM_EMBEDDINGS
from schemas.items import ITEMS as ITEMS
from schemas.journey_names import JOURNEY_NAMES as JOURNEY_NAMES
from schemas.journeys import JOURNEYS as JOURNEYS
from schemas.lifecycles import LIFECYCLES as LIFECYCLES
from schemas.lookup import LOOKUP as LOOKUP
from schemas.metrics import METRICS as METRICS
from schemas.named_collections import COLLECTIONS as COLLECTIONS
from schemas.naming_examples import NAMING_EXAMPLES as NAMING_EXAMPLES
from schemas.recommendations import RECOMMENDATIONS as RECOMMENDATIONS
from schemas.salience_model import SALIENCE_MODEL as SALIENCE_MODEL
from schemas.salient_terms import SALIENT_TERMS as SALIENT_TERMS
from schemas.scored_interactions import SCORED_INTERACTIONS as SCORED_INTERACTIONS
from schemas.transitions import TRANSITIONS as TRANSITIONS
from schemas.tuning_pairs import TUNING_PAIRS as TUNING_PAIRS
from schemas.users import USERS as USERS

INPUTS = (INTERACTIONS, ITEMS, ITEM_EMBEDDINGS, COLLECTIONS, USERS)
OUTPUTS = (
    *(SALIENT_TERMS, HISTORIES, JOURNEYS, JOURNEY_NAMES, LIFECYCLES),
    *(CLUSTERS, ITEM_CLUSTERS, CLUSTER_HISTORIES, TRANSITIONS, LOOKUP),
    *(INTENTS, RECOMMENDATIONS),
    *(METRICS, ERRORS),
)
CACHES = (EMBEDDINGS, GENERATIONS, NAMING_EXAMPLES, TUNING_PAIRS, SALIENCE_MODEL, SCORED_INTERACTIONS)
