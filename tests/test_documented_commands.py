"""Every command of the pages is one that can be typed: its options, values, targets, extras and modules exist."""

from pathlib import Path

import pytest

from tests.documented_commands import PAGES, ROOT, Command, find_commands, problems


@pytest.fixture(autouse=True)
def _in_the_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands of pages name files such as runner_configs/flink.yaml relative to the clone."""
    monkeypatch.chdir(ROOT)


def commands_of(text: str) -> list[Command]:
    return find_commands("page.md", text)


def block(*lines: str) -> str:
    return "\n".join(["# Page", "", "```", *lines, "```", ""])


@pytest.mark.parametrize("page", PAGES)
def test_every_command_can_be_typed(page: str) -> None:
    found = find_commands(page, (ROOT / page).read_text(encoding="utf-8"))
    assert [problem for command in found for problem in problems(command)] == []


def test_many_commands_are_found() -> None:
    """A change of the pages that hides their commands from these tests would otherwise pass."""
    to_type = [
        command
        for page in PAGES
        for command in find_commands(page, (ROOT / page).read_text(encoding="utf-8"))
        if command.to_type
    ]
    assert len(to_type) > 70
    assert len({command.page for command in to_type}) > 20


def test_lines_are_joined_and_numbered() -> None:
    first, second = commands_of(
        block("pip install '.[naming]'", "python -m pipelines.name --journeys=a \\", "    --workspace=b")
    )
    assert (first.line, first.text) == (4, "pip install '.[naming]'")
    assert (second.line, second.text) == (5, "python -m pipelines.name --journeys=a \\\n    --workspace=b")
    assert problems(second) == []


def test_quotations_and_documents_go_on_in_the_next_line() -> None:
    (quotation,) = commands_of(block('python -m pipelines.evaluate --methods="a;', '    b"'))
    assert quotation.text.endswith('b"')
    document, after = commands_of(block("cat > log.csv <<'END'", "user,item", "END", "make demo"))
    assert document.text == "cat > log.csv <<'END'\nuser,item\nEND"
    assert after.text == "make demo"


def test_a_block_of_output_has_only_the_commands_that_a_program_printed() -> None:
    (printed,) = commands_of(
        block("extract: 3 s", "make it so", "  .venv/bin/python -m pipelines.extract --previous=a")
    )
    assert not printed.to_type
    assert printed.text == ".venv/bin/python -m pipelines.extract --previous=a"


def test_after_a_prompt_only_its_line_is_a_command() -> None:
    (command,) = commands_of(block("$ python -m pipelines.run_all --dry_run", "plan", "python -m pipelines.explore"))
    assert command.text == "python -m pipelines.run_all --dry_run"


def test_variables_of_a_block_are_replaced() -> None:
    (command,) = commands_of(block('options="--sweep --min_size=2"', "python -m pipelines.extract $options"))
    assert command.text == "python -m pipelines.extract --sweep --min_size=2"


def test_commands_in_sentences_are_found() -> None:
    (command,) = commands_of("Use `make UV= setup`, or not; `pipelines.name` is no command.")
    assert not command.to_type
    assert problems(command) == []


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("python -m pipelines.extract --merge_treshold=-0.3", "unknown option --merge_treshold; did you mean"),
        ("python -m pipelines.extract --cluster_by=words", "invalid choice: 'words'"),
        ("python -m pipelines.extract --min_size=0", "--min_size: must be"),
        ("python -m pipelines.extract --runner_config=runner_configs/spark.yaml", "no such file"),
        ("python -m pipelines.extrakt", "extrakt: no such job"),
        ("interest-journeys extrakt", "extrakt: no such job"),
        ("python -m benchmarks.nothing", "benchmarks.nothing: no such module"),
        ("python samples/nothing.py", "samples/nothing.py: no such file"),
        ("make demos", "make has no target demos"),
        ("pip install '.[name]'", "setup.py has no extra name"),
        ("pip install '.[naming]' && make nothing", "make has no target nothing"),
        ("python -m pipelines.extract --workspace=a  # comment", ""),
        ("python -m pipelines.extract ... --encoder=use", ""),
        ("python -m pipelines.name --model=http://host:8000/v1#Qwen", ""),
    ],
)
def test_what_is_wrong_is_found(command: str, problem: str) -> None:
    found = problems(Command("page.md", 1, command, to_type=True))
    assert len(found) == bool(problem)
    assert problem in "".join(found)


def test_a_sentence_may_name_a_job_without_its_arguments() -> None:
    text = "python -m pipelines.naming_examples"
    assert len(problems(Command("page.md", 1, text, to_type=True))) == 1
    assert problems(Command("page.md", 1, text, to_type=False)) == []


def test_a_program_without_a_check_is_a_problem() -> None:
    assert len(problems(Command("page.md", 1, "unzip log.zip", to_type=True))) == 1


def test_the_pages_are_those_of_the_repository() -> None:
    assert {"README.md", "CONTRIBUTING.md", "docs/extract.md", "schemas/README.md", "samples/README.md"} <= set(PAGES)
    written = {path.relative_to(ROOT).as_posix() for path in Path(ROOT, "docs").rglob("*.md")}
    assert written <= set(PAGES)
