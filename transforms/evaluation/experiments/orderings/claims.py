"""Orderings that the papers state, and the metric rows that decide on each."""

from __future__ import annotations

import dataclasses

from transforms.evaluation.experiments.orderings.comparisons import (
    Comparison,
    Methods,
    Recorded,
    Rows,
    Seeds,
    Sets,
    Target,
)
from transforms.evaluation.experiments.orderings.verdicts import Direction

JOURNEYS_PAPER, EXPLORATION_PAPER, FRESHNESS_PAPER = "2305.15498", "2405.16363", "2510.20260"

FEW_SHOT, PROMPT_TUNED, FINE_TUNED = "few-shot", "prompt-tuned", "fine-tuned"
"""Labels in `--methods` of the techniques."""

NAME_MEASURES = ("bleurt", "similarity", "bleu", "chrf")
"""Measures of names against references; those that an evaluation has are compared."""

EQUAL_SIMILARITY = 0.02
"""Cosines of names and references that differ by no more are taken as equal."""

_ONE_SIZE = "one size of one language model is at hand: SmolLM2 with 135 million parameters"
_RUN_NAMING = "no evaluation names collections with methods of these labels"
_RUN_SETS = "no evaluation names this set with methods of these labels"


@dataclasses.dataclass(frozen=True)
class Claim:
    """An ordering that a paper states.

    Attributes:
        name: its name in metrics.
        text: the ordering in words; the first value is that of which more or less is said.
        paper: the number of the paper at arXiv.
        section: the experiment, such as `RQ1`, or the section of the paper.
        comparison: the rows that decide; None: no experiment measures them.
        direction: what the claim says of the first value.
        untestable: why it is not testable where there are no rows.
        margin: half the width of the range of equality, for `equal`.
        note: what the verdict does not say; empty: nothing.
    """

    name: str
    text: str
    paper: str
    section: str
    comparison: Comparison | None
    direction: Direction
    untestable: str
    margin: float = 0.0
    note: str = ""

    def __post_init__(self) -> None:
        if not self.untestable:
            raise ValueError(f"{self.name}: untestable must say why there may be no rows")


def _naming(first: str, second: str, example_set: str = "", measures: tuple[str, ...] = NAME_MEASURES) -> Methods:
    return Methods("naming_{}", measures, "method", first, second, example_set=example_set)


def _technique(first: str, second: str, example_set: str, section: str, text: str) -> Claim:
    name = f"{first} above {second} on {example_set}"
    comparison = _naming(first, second, example_set)
    return Claim(name, text, JOURNEYS_PAPER, section, comparison, "more", _RUN_SETS)


def _separation(method: str, rival: str) -> Claim:
    return Claim(
        f"{method} above {rival}",
        f"{method} recalls more items of collections that were mixed than {rival}, a global clustering",
        JOURNEYS_PAPER,
        "E2",
        Methods("separation_{}", ("recall", "f1"), "method", method, rival, "k=all"),
        "more",
        "no evaluation separates collections with both methods",
        note="recall alone is the measure of the paper; it also rewards journeys that are too large",
    )


EXTRACTION = (
    Claim(
        "journeys of users",
        "70 % of the users have one to three journeys",
        JOURNEYS_PAPER,
        "E1",
        Target("statistics_fraction_of_users", "method=ICPC/journeys=1-3", "fraction", 0.7),
        "equal",
        "no evaluation has statistics of journeys",
        margin=0.1,
        note="equal: within 0.1",
    ),
    Claim(
        "length of journeys",
        "journeys are longer than those of global clusters",
        JOURNEYS_PAPER,
        "E1",
        Methods("statistics_journey_{}", ("items",), "method", "ICPC", "co-occurrence", "statistic=mean"),
        "more",
        "`statistics` measures the journeys that `extract` wrote, and no rival",
    ),
    *(
        _separation(method, rival)
        for method in ("ICPC, statistical terms", "ICPC with refinement")
        for rival in ("co-occurrence", "global agglomerative")
    ),
)

TECHNIQUES = (
    *(
        _technique(
            PROMPT_TUNED, FEW_SHOT, example_set, "RQ1", f"a tuned prompt names better than few-shot ({example_set})"
        )
        for example_set in ("N1", "N2", "N3")
    ),
    _technique(FINE_TUNED, PROMPT_TUNED, "N2", "RQ1", "fine-tuning names better than a tuned prompt in-domain (N2)"),
    _technique(
        PROMPT_TUNED, FINE_TUNED, "N3", "RQ1", "a tuned prompt names better than fine-tuning on journeys of users (N3)"
    ),
    *(
        _technique(FINE_TUNED, FEW_SHOT, example_set, "RQ2", f"few-shot is worse than fine-tuning ({example_set})")
        for example_set in ("N1", "N2", "N3")
    ),
)

MODELS = (
    Claim(
        "larger above smaller on N2",
        "a larger model names better in-domain (N2)",
        JOURNEYS_PAPER,
        "RQ2",
        _naming("larger model", "smaller model", "N2"),
        "more",
        _ONE_SIZE,
    ),
    Claim(
        "larger equals smaller on N3",
        "size makes little difference on journeys of users (N3)",
        JOURNEYS_PAPER,
        "RQ2",
        _naming("larger model", "smaller model", "N3", ("similarity",)),
        "equal",
        _ONE_SIZE,
        EQUAL_SIMILARITY,
    ),
    Claim(
        "instruction tuning",
        "instruction tuning of the model makes no difference",
        JOURNEYS_PAPER,
        "RQ2",
        _naming("instruction-tuned", "not instruction-tuned", measures=("similarity",)),
        "equal",
        "only the instruction-tuned variant of the model is at hand",
        EQUAL_SIMILARITY,
    ),
    Claim(
        "families",
        "the families LaMDA, PaLM, Flan-PaLM and PaLMChilla differ less than techniques",
        JOURNEYS_PAPER,
        "RQ2",
        None,
        "equal",
        "one family is at hand, and the models of the paper are not published",
        EQUAL_SIMILARITY,
    ),
)

PROMPTS = (
    Claim(
        "titles above keywords",
        "titles in the prompt are better than keywords",
        JOURNEYS_PAPER,
        "RQ3",
        _naming("titles", "keywords"),
        "more",
        _RUN_NAMING,
    ),
    Claim(
        "titles and keywords above titles",
        "titles and keywords in the prompt are better than titles",
        JOURNEYS_PAPER,
        "RQ3",
        _naming("titles and keywords", "titles"),
        "more",
        _RUN_NAMING,
    ),
    Claim(
        "expert data above user data",
        "a prompt tuned on collections of experts is better than one tuned on collections of users",
        JOURNEYS_PAPER,
        "RQ3",
        _naming("tuned on experts", "tuned on users"),
        "more",
        _RUN_NAMING,
    ),
    Claim(
        "mixed data above user data",
        "expert data mixed into user data improve a tuned prompt",
        JOURNEYS_PAPER,
        "RQ3",
        _naming("tuned on both", "tuned on users"),
        "more",
        _RUN_NAMING,
    ),
    Claim(
        "interviews",
        "a prompt tuned on interviews is the worst",
        JOURNEYS_PAPER,
        "RQ3",
        _naming("tuned on interviews", "tuned on users"),
        "less",
        "there are no interviews",
    ),
    Claim(
        "several items above one",
        "eight items in the prompt are better than one",
        JOURNEYS_PAPER,
        "RQ3",
        _naming("8 items", "1 item"),
        "more",
        _RUN_NAMING,
    ),
    Claim(
        "saturation of items",
        "sixteen items in the prompt are no better than eight",
        JOURNEYS_PAPER,
        "RQ3",
        _naming("16 items", "8 items", measures=("similarity",)),
        "equal",
        _RUN_NAMING,
        EQUAL_SIMILARITY,
        note="equal: within 0.02 of the cosine",
    ),
)

_WORD_LISTS = "safety by word lists, without a classifier or raters"
QUALITY = (
    *(
        Claim(
            f"{example_set} safer than N3",
            f"names of {example_set} are safer than those of journeys of users (N3)",
            JOURNEYS_PAPER,
            "RQ4",
            Sets("naming_safe", "safe", f"method={PROMPT_TUNED}", example_set, "N3"),
            "more",
            _RUN_SETS,
            note=_WORD_LISTS,
        )
        for example_set in ("N1", "N2")
    ),
    Claim(
        "titles of N1 safer than N3",
        "safety depends on the input: titles of N1 are safer than those of journeys of users (N3)",
        JOURNEYS_PAPER,
        "RQ4",
        Sets("naming_safe_titles", "safe titles", "", "N1", "N3"),
        "more",
        _RUN_SETS,
        note=_WORD_LISTS,
    ),
    Claim(
        "N3 more interesting than N1",
        "less safe names are more interesting: those of journeys of users (N3) more than those of N1",
        JOURNEYS_PAPER,
        "RQ4",
        Sets("naming_mean_idf", "mean IDF", f"method={PROMPT_TUNED}", "N3", "N1"),
        "more",
        _RUN_SETS,
        note="the rarity of words is a proxy for interestingness, relative to the journeys of each set",
    ),
)

_SCOPES = ("history in one prompt", "journeys in one prompt")
EXTRACT_FIRST = tuple(
    Claim(
        f"one prompt a journey above {scope}",
        f"one prompt a journey names better than the {scope}",
        JOURNEYS_PAPER,
        "RQ5",
        Methods(
            "prompting_{}",
            ("bleurt", "similarity_f1", "similarity_recall", "bleu", "chrf"),
            "scope",
            "one prompt a journey",
            scope,
            "k=all",
        ),
        "more",
        "no evaluation compares scopes of prompts",
    )
    for scope in _SCOPES
)

_THRESHOLDS = ("0.1", "0.3", "0.5")
_GAP = "recommendation_similarity_gap"
RECOMMENDATIONS = (
    Claim(
        "journey-aware nearer to journeys",
        "journey-aware recommendations are nearer to journeys than others",
        JOURNEYS_PAPER,
        "RQ6",
        Recorded(
            _GAP,
            {each: f"threshold={each}" for each in _THRESHOLDS},
            ("recommendation_similarity", "lists=journey-aware/threshold={}"),
            ("recommendation_similarity", "lists=unaware of journeys/threshold={}"),
        ),
        "more",
        "no evaluation of recommendations has journeys",
        note="the measure is the cosine from which an item counts as similar",
    ),
    Claim(
        "gap grows with the threshold",
        "the gap grows with the threshold of similarity",
        JOURNEYS_PAPER,
        "RQ6",
        Rows(
            {f"gap at {high} and {low}": (_GAP, f"threshold={high}") for low, high in (("0.1", "0.3"), ("0.3", "0.5"))},
            {f"gap at {high} and {low}": (_GAP, f"threshold={low}") for low, high in (("0.1", "0.3"), ("0.3", "0.5"))},
        ),
        "more",
        "no evaluation of recommendations has journeys",
        note="from intervals of both gaps, though they are of the same users: conservative",
    ),
)

_TABLE, _BANDITS = "lookup table", ("hierarchical LinUCB", "neural-linear bandit")
_UNRESTRICTED = "unrestricted recommender"
_UCI_LEVELS = ("2", "5", "10", "20")
EXPLORATION = (
    Claim(
        "match rate",
        "after tuning, 99 % of the generations are descriptions of clusters",
        EXPLORATION_PAPER,
        "2.5",
        Target("training_match_rate", "step=kept", "match rate", 0.99),
        "equal",
        "no `--trainings` are given",
        margin=0.01,
        note="equal: within 0.01",
    ),
    Claim(
        "match rate rises",
        "the match rate rises with the steps of tuning",
        EXPLORATION_PAPER,
        "2.5",
        Rows(
            {"match rate": ("training_match_rate", "step=kept")}, {"match rate": ("training_match_rate", "step=first")}
        ),
        "more",
        "no `--trainings` are given",
    ),
    Claim(
        "recall rises",
        "recall on later transitions rises with the steps of tuning",
        EXPLORATION_PAPER,
        "2.5",
        Rows({"recall@10": ("training_recall", "step=kept")}, {"recall@10": ("training_recall", "step=first")}),
        "more",
        "no `--trainings` are given",
    ),
    Claim(
        "recall falls in the end",
        "recall falls when tuning goes on",
        EXPLORATION_PAPER,
        "2.5",
        Rows({"recall@10": ("training_recall", "step=last")}, {"recall@10": ("training_recall", "step=kept")}),
        "less",
        "no `--trainings` are given, or the last step was kept",
        note="the kept step is the best of a few, which favours the claim",
    ),
    Claim(
        "balance widens",
        "pairs balanced by label give a less skewed distribution of generated clusters: a lower Gini coefficient",
        EXPLORATION_PAPER,
        "2.4",
        Seeds("exploration_selection_{}", ("gini",), "selection=balanced", "selection=frequent"),
        "less",
        "no evaluation compares selections of pairs",
        note="small networks in place of the language model; intervals over three seeds",
    ),
    Claim(
        "balance covers",
        "pairs balanced by label cover more clusters",
        EXPLORATION_PAPER,
        "2.4",
        Seeds("exploration_selection_{}", ("coverage",), "selection=balanced", "selection=frequent"),
        "more",
        "no evaluation compares selections of pairs",
        note="small networks in place of the language model; intervals over three seeds",
    ),
    Claim(
        "number K of clusters",
        "two clusters of context, K = 2, are used",
        EXPLORATION_PAPER,
        "2.3",
        None,
        "more",
        "the paper states no ordering: it leaves the effect of K open",
    ),
    *(
        Claim(
            f"quality above {rival}",
            f"novel recommendations have a higher quality than those of exploration by {rival}",
            EXPLORATION_PAPER,
            "2.7",
            Recorded(
                "recommendation_difference",
                {each: f"measure={each}/method={rival}/novel=1.0" for each in ("novel_hit_rate", "novel_ndcg")},
                ("recommendation_{}", f"method={_TABLE}/novel=1.0"),
                ("recommendation_{}", f"method={rival}/novel=1.0"),
            ),
            "more",
            "no evaluation compares recommendations",
            note="hits in a log, not playbacks of a live experiment; all items of the lists are novel",
        )
        for rival in _BANDITS
    ),
    Claim(
        "quality like exploitation",
        "recommendations have a quality like those of exploitation",
        EXPLORATION_PAPER,
        "2.7",
        Recorded(
            "recommendation_difference",
            {"hit_rate": f"measure=hit_rate/method={_UNRESTRICTED}/novel=0.3"},
            ("recommendation_{}", f"method={_TABLE}/novel=0.3"),
            ("recommendation_{}", f"method={_UNRESTRICTED}/novel=0.3"),
        ),
        "equal",
        "no evaluation compares recommendations",
        margin=0.02,
        note="equal: within 0.02 of the hit rate; 30 % of the items of both lists are novel",
    ),
    Claim(
        "novelty",
        "recommendations are more novel than those of the unrestricted recommender",
        EXPLORATION_PAPER,
        "2.7",
        Rows(
            {"novelty ratio": ("recommendation_novelty_ratio", f"method={_TABLE}/novel=1.0")},
            {"novelty ratio": ("recommendation_novelty_ratio", f"method={_UNRESTRICTED}/novel=own")},
        ),
        "more",
        "no evaluation compares recommendations",
        note="by construction: the table proposes novel clusters alone",
    ),
    Claim(
        "novelty above bandits",
        "recommendations are more novel than those of bandits",
        EXPLORATION_PAPER,
        "2.7",
        None,
        "more",
        "lists are compared at the same fraction of novel items, and a log does not show which one bandits would serve",
    ),
    Claim(
        "unique clusters",
        "more users consume many distinct clusters in seven days (UCI@N) than with the unrestricted recommender",
        EXPLORATION_PAPER,
        "2.7",
        Rows(
            {f"UCI@{level}": ("recommendation_uci", f"lists=K=2/at_least={level}") for level in _UCI_LEVELS},
            {
                f"UCI@{level}": ("recommendation_uci", f"lists={_UNRESTRICTED}/at_least={level}")
                for level in _UCI_LEVELS
            },
            are_counts=True,
        ),
        "more",
        "no evaluation compares recommendations",
        note="clusters of listed items that users consumed later; from intervals of both, though of the same users",
    ),
    Claim(
        "unique clusters of bandits",
        "more users consume many distinct clusters in seven days (UCI@N) than with bandits",
        EXPLORATION_PAPER,
        "2.7",
        None,
        "more",
        "`recommendation` counts UCI@N of the table and of the unrestricted recommender alone",
    ),
    Claim(
        "refreshed above stored",
        "a table that is refreshed is better than one that was computed once",
        FRESHNESS_PAPER,
        "3",
        Rows(
            {
                "recall@10": ("freshness_recall", "threshold=all"),
                "novel hit rate by week": (
                    "recommendation_weeks_novel_hit_rate",
                    "method=lookup table, refreshed weekly",
                ),
            },
            {
                "recall@10": ("freshness_recall", "threshold=none"),
                "novel hit rate by week": (
                    "recommendation_weeks_novel_hit_rate",
                    "method=lookup table, refreshed never",
                ),
            },
        ),
        "more",
        "no evaluation measures freshness",
        note="counts in place of retrieval into the prompt; from intervals of both, though of the same users",
    ),
)

CLAIMS: tuple[Claim, ...] = (
    *EXTRACTION,
    *TECHNIQUES,
    *MODELS,
    *PROMPTS,
    *QUALITY,
    *EXTRACT_FIRST,
    *RECOMMENDATIONS,
    *EXPLORATION,
)
"""All claims, in the order of the papers."""
