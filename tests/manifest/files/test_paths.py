"""What a manifest may write as a path."""

from __future__ import annotations

import pytest

from reconciler.manifest.files.paths import resolve
from reconciler.manifest.files.refusals import PathRefused


@pytest.mark.parametrize(
    ("base", "relative", "expected"),
    [
        ("", "a.md", "a.md"),
        (".", "./a//b.md", "a/b.md"),
        ("x/y", "a.md", "x/y/a.md"),
        ("x/y", "../a.md", "x/a.md"),
        ("x/y", "../../a.md", "a.md"),
        ("x", "b/../a.md", "x/a.md"),
        ("x", "a b+c.md", "x/a b+c.md"),
        ("x*", "a", "x*/a"),
    ],
)
def test_paths_are_relative_to_the_manifest(base: str, relative: str, expected: str) -> None:
    assert resolve(base, relative) == expected


@pytest.mark.parametrize(
    ("base", "relative", "words"),
    [
        ("x", "", "1 to 4096"),
        ("x", "a" * 5000, "1 to 4096"),
        ("x", "/etc/passwd", "absolute"),
        ("x", "~/.ssh/id_rsa", "absolute"),
        ("x", "a\0b", "control character"),
        ("x", "a\nb", "control character"),
        ("x", "..\\..\\a", "backslash"),
        ("x", "C:/a", "drive"),
        ("x", "file:///etc/passwd", "URL"),
        ("x", "https://example.com/a", "URL"),
        ("x", "../../a", "leaves"),
        ("", "..", "leaves"),
        ("x", "a/../../../etc", "leaves"),
        ("x", ".", "is a directory"),
        ("x", "..", "is a directory"),
        ("x", ".env", "hidden"),
        ("x", "../.git/config", "hidden"),
        ("../x", "a", "not below"),
    ],
)
def test_a_path_that_could_lead_elsewhere_is_refused(base: str, relative: str, words: str) -> None:
    with pytest.raises(PathRefused, match=words):
        resolve(base, relative)
