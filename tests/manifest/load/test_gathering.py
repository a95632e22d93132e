"""Which files of a tree are manifests: the sources, without patches and without knowledge."""

from __future__ import annotations

from pathlib import Path

from tests.manifest.trees import STACK, assistant, desired, loaded, manifest, plant, problems, rejected, stack


def test_sources_say_where_manifests_are(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "reconciler.yaml": stack("sources: [in/, ./in/deep]"),
        "in/a.yaml": assistant("a"),
        "in/deep/b.yml": assistant("b"),
        "in/.hidden/c.yaml": assistant("c"),
        "in/d.yaml.txt": assistant("d"),
        "out/e.yaml": assistant("e"),
    }
    assert list(desired(tmp_path, files)) == ["Assistant/a", "Assistant/b"]


def test_ignored_files_are_not_read(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {".reconcilerignore": "drafts/\n", "drafts/a.yaml": "a: [", "b.yaml": assistant()}
    assert list(desired(tmp_path, files)) == ["Assistant/bot"]


def test_sources_that_cannot_be_used_are_told_where_they_are_named(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"reconciler.yaml": stack("sources:\n  - missing\n  - ../away\n  - file.txt")}
    files["file.txt"] = "x"
    assert problems(tmp_path, files) == [
        "E503 reconciler.yaml:6:7 File unusable",
        "E601 reconciler.yaml:7:7 Path refused",
        "E503 reconciler.yaml:8:7 File unusable",
    ]


def test_links_are_told_where_they_are(tmp_path: Path) -> None:
    plant(tmp_path, {"real/a.yaml": assistant()})
    (tmp_path / "linked").symlink_to("real")
    assert problems(tmp_path, {}) == ["E601 linked:1:1 Path refused"]


def test_links_within_the_tree_can_be_allowed(tmp_path: Path) -> None:
    plant(tmp_path, {"real/a.yaml": assistant(), "reconciler.yaml": stack("sources: [linked]")})
    (tmp_path / "linked").symlink_to("real")
    found = loaded(tmp_path, {"reconciler.yaml": stack("sources: [linked]")}, follow_symlinks=True)
    assert len(found.desired) == 1


def test_a_second_stack_is_an_error_where_it_stands(tmp_path: Path) -> None:
    (found,) = rejected(tmp_path, {"sub/reconciler.yaml": "# x\n" + STACK})
    assert (found.code, str(found.span), found.summary) == ("E300", "sub/reconciler.yaml:2:1", "A second stack")


def test_what_an_entry_of_files_takes_is_knowledge(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "reconciler.yaml": stack("vars: {dir: data}"),
        "a.yaml": assistant(
            "a",
            """
            tools:
              - type: code_interpreter
                files: ["${var.dir}/*", one.yaml, {path: two.yml}, {glob: "x/*.y?ml"}, notes.txt, "../up.yaml"]
            """.replace(', "../up.yaml"', ""),
        ),
        "data/broken.yaml": "a: [",
        "data/manifest.yaml": assistant("bot"),
        "one.yaml": "a: 1",
        "two.yml": "a: 1",
        "x/three.yaml": "a: 1",
        "notes.txt": "x",
    }
    tree = loaded(tmp_path, files)
    assert [len(item.documents) for item in tree.desired] == [6]
    assert tree.ignored == 0


def test_who_names_files_is_a_manifest_whoever_matches_it(tmp_path: Path) -> None:
    store = manifest("VectorStore", "docs", 'files:\n  - {glob: "**/*.md", exclude: [x, 5]}\n  - glob: "*.yaml"\n  - 5')
    files: dict[str, str | bytes] = {"docs.yaml": store, "a.md": "x", "plain.yaml": "a: 1"}
    assert problems(tmp_path, files) == [
        "E307 docs.yaml:6:38 spec.files[0].exclude[1] is 5",
        "E307 docs.yaml:8:7 spec.files[2] is 5",
    ]


def test_entries_that_lead_elsewhere_take_nothing_away(tmp_path: Path) -> None:
    store = manifest("VectorStore", "docs", 'files:\n  - path: "/x.yaml"\n  - {path: 5}')
    found = problems(tmp_path, {"docs.yaml": store, "x.yaml": assistant(spec="x: 1")})
    assert found == ["E307 docs.yaml:7:14 spec.files[1].path is 5", "E303 x.yaml:6:3 Unknown field 'x'"]
