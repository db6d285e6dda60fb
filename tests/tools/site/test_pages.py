from pathlib import Path

import pytest

from tools.site.pages import Link, anchors, api_pages, find_files, links, rewrite_links, site_path


def write(root: Path, texts: dict[str, str]) -> None:
    for path, text in {"README.md": "", "CHANGELOG.md": "", "LICENSE": "", **texts}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def test_links_are_relative_to_their_page_and_not_in_code() -> None:
    text = "[a](../README.md) [b](c.md#d) ![e](f.svg) [g](#h) [i](https://j.org) `[k](l)`\n\n```\n[m](n)\n```\n"
    assert list(links("docs/page.md", text)) == [
        Link("README.md", ""),
        Link("docs/c.md", "d"),
        Link("docs/f.svg", ""),
        Link("docs/page.md", "h"),
    ]


def test_anchors_are_those_of_code_hosts() -> None:
    text = "# A title\n\n## Names of `extract`, and more\n\n```\n# no heading\n```\n\n### Use\n\n### Use\n"
    assert anchors(text) == ["a-title", "names-of-extract-and-more", "use", "use-1"]


def test_files_are_found_by_links(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "README.md": "[a](docs/a.md)",
            "docs/a.md": "[schemas](../schemas/README.md)",
            "docs/a.svg": "",
            "schemas/README.md": "[flink](../configs/flink.yaml)",
            "configs/flink.yaml": "",
            "other/page.md": "",
        },
    )
    found = find_files(tmp_path)
    assert "other/page.md" not in found
    assert {"README.md", "docs/a.md", "docs/a.svg", "schemas/README.md", "configs/flink.yaml"} <= set(found)


def test_a_link_without_a_file_is_an_error_that_names_the_page(tmp_path: Path) -> None:
    write(tmp_path, {"docs/a.md": "[b](b.md)"})
    with pytest.raises(FileNotFoundError, match=r"docs/a\.md links to docs/b\.md"):
        find_files(tmp_path)


@pytest.mark.parametrize(
    ("path", "link", "expected"),
    [
        ("README.md", "docs/inputs.md#times", "inputs.md#times"),
        ("docs/inputs.md", "../README.md", "index.md"),
        ("docs/inputs.md", "../schemas/README.md", "schemas/README.md"),
        ("docs/models/naming.md", "../tuning.md", "../tuning.md"),
        ("schemas/README.md", "../docs/inputs.md", "../inputs.md"),
        ("docs/runners.md", "../runner_configs/flink.yaml", "runner_configs/flink.yaml"),
        ("docs/inputs.md", "#times", "#times"),
        ("docs/inputs.md", "https://a.org/b.md", "https://a.org/b.md"),
    ],
)
def test_links_of_the_repository_become_links_of_the_site(path: str, link: str, expected: str) -> None:
    assert rewrite_links(path, f"see [it]({link}), `[not]({link})`") == f"see [it]({expected}), `[not]({link})`"


def test_the_readme_is_the_first_page() -> None:
    assert site_path("README.md") == "index.md"
    assert site_path("schemas/README.md") == "schemas/README.md"
    assert site_path("docs/models/naming.md") == "models/naming.md"


def test_each_package_has_a_page_with_its_modules(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"transforms/a/__init__.py": "", "transforms/a/b.py": "", "transforms/a/c/d.py": "", "schemas/e.py": ""},
    )
    pages = api_pages(tmp_path)
    assert sorted(pages) == ["api/schemas.md", "api/transforms.a.c.md", "api/transforms.a.md"]
    assert "::: transforms.a.b\n" in pages["api/transforms.a.md"]
    assert "::: transforms.a.c.d\n" not in pages["api/transforms.a.md"]
