from pathlib import Path

import pytest

from transforms.evaluation.bootstrap import Interval
from transforms.evaluation.experiments.exploration.experiment import ExplorationExperiment
from transforms.evaluation.experiments.exploration.plot import plot_sources
from transforms.evaluation.experiments.exploration.report import (
    describe_sources,
    selection_table,
    size_table,
    source_table,
    unseen_table,
)
from transforms.evaluation.metric_rows import MetricIndex, metric_batch, metric_row, point
from transforms.report.markdown import render_table


def rows() -> list[dict[str, object]]:
    found = [metric_row(f"exploration_{name}", point(number)) for name, number in (("transitions", 900), ("users", 50))]
    found.append(metric_row("exploration_clusters", point(64)))
    for name, recall in (("popularity", 0.2), ("blend", 0.3)):
        for contexts, number in (("all", 900), ("unseen", 40), ("held_out", 200)):
            for k in (1, 5, 10):
                value = Interval(recall * k / 10, recall * k / 10 - 0.01, recall * k / 10 + 0.01, number)
                found.append(metric_row("exploration_recall", value, source=name, contexts=contexts, k=k))
        for measure, value in (("effective_clusters", 12.34), ("coverage", 0.5), ("gini", 0.75)):
            found.append(metric_row(f"exploration_{measure}", point(value), source=name))
        for size in (1, 2):
            for seed in (0, 1) if name == "blend" else (0,):
                parts = {"source": name, "context_size": size, "seed": seed, "k": 10}
                found.append(metric_row("exploration_size_recall", point(recall + seed / 10), **parts))
    for selection, coverage in (("frequent", 0.4), ("balanced", 0.9)):
        for seed in (0, 1):
            for measure, value in (("pairs", 640), ("recall", 0.25), ("coverage", coverage + seed / 10), ("gini", 0.5)):
                parts = {"selection": selection, "seed": seed}
                found.append(metric_row(f"exploration_selection_{measure}", point(value), **parts))
    ratio = Interval(1.5, 1.2, 1.8, 900)
    found += [metric_row("exploration_recall_ratio", ratio, baseline="popularity", k=k) for k in (1, 5, 10)]
    return found


INDEX = MetricIndex([metric_batch(rows())])


def test_the_source_with_the_highest_recall_is_first() -> None:
    table = render_table(source_table(INDEX)).splitlines()
    assert table[2].startswith("| blend | 0.030")
    assert table[3].startswith("| popularity | 0.020")
    assert "12.3 | 0.50 | 0.75 |" in table[2]
    assert ".290–.310" in table[2]


def test_recall_after_unseen_contexts() -> None:
    table = unseen_table(INDEX)
    assert [column.title for column in table.columns] == [
        "source",
        "never seen: @5",
        "never seen: @10",
        "held out: @5",
        "held out: @10",
    ]
    assert [cell.text for cell in table.rows[0]] == ["blend", "0.150", "0.300", "0.150", "0.300"]


def test_the_range_over_seeds_is_shown() -> None:
    assert [cell.text for cell in size_table(INDEX).rows[0]] == ["blend", *["0.350 (0.300–0.400)"] * 2]
    assert [cell.text for cell in size_table(INDEX).rows[1]] == ["popularity", "0.200", "0.200"]
    assert [cell.text for cell in selection_table(INDEX).rows[0]] == [
        "balanced",
        "640",
        "0.250",
        "0.95 (0.90–1.00)",
        "0.50",
    ]


def test_the_description_has_the_ratio_by_cutoff() -> None:
    described = " ".join(describe_sources(INDEX))
    assert "900 transitions of 50 users in the test period, 64 clusters" in described
    assert "@1 1.500 (1.200–1.800) (popularity), @5" in described
    assert "never seen: 40, held out: 200" in described


def test_all_tables_are_of_the_experiment() -> None:
    assert len(ExplorationExperiment().tables([metric_batch(rows())])) == 4
    with pytest.raises(ValueError, match="have no exploration_recall"):
        ExplorationExperiment().tables([metric_batch([])])


def test_the_same_metrics_give_the_same_image(tmp_path: Path) -> None:
    plot_sources(INDEX, tmp_path / "a.svg")
    ExplorationExperiment().plots([metric_batch(rows())])[0].draw(tmp_path / "b.svg")
    image = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert image == (tmp_path / "b.svg").read_text(encoding="utf-8")
    assert "<!-- blend -->" in image
    assert "<!-- popularity -->" in image
