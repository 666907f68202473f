"""Rules about the code that no linter knows."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from django.apps import apps

ROOT = Path(__file__).resolve().parents[2]
# Lowest first: an app may refer to itself and to what is before it.
APPS = ("companies", "content", "analytics")
NOT_OURS = re.compile(r"^(\.git|\.venv.*|\..*_cache|node_modules|var|staticfiles|__pycache__)$")
SOURCES = {".py", ".js", ".mjs", ".css", ".html", ".conf", ".yaml", ".toml", ""}
MOST_LINES = 400


def our_files() -> Iterator[Path]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not NOT_OURS.match(name)]
        if Path(folder) == ROOT / "static":
            folders.remove("build")
        yield from (Path(folder) / name for name in names)


def test_foreign_keys_follow_the_arrows_of_the_imports() -> None:
    wrong = [
        f"{field.model.__name__}.{field.name}"
        for model in apps.get_models()
        if model._meta.app_label in APPS
        for field in model._meta.get_fields()
        if field.is_relation and field.concrete and field.related_model
        for target in [field.related_model._meta.app_label]
        if target in APPS and APPS.index(target) > APPS.index(model._meta.app_label)
    ]
    assert wrong == []


def test_no_source_file_is_too_long_to_read_at_one_sitting() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in our_files()
        if path.suffix in SOURCES and path.parent.name != "migrations"
        for lines in [len(path.read_bytes().splitlines())]
        if lines > MOST_LINES
    }
    assert long == {}


def test_no_registry_address_is_written_down() -> None:
    """The lock files serve behind any mirror."""
    # In two halves, so that this file is not its own finding.
    address = re.compile("registry\\.(npm|yarn)" + "|pypi\\.o" + "rg|python" + "hosted")
    found = [
        str(path.relative_to(ROOT))
        for path in our_files()
        if path.suffix not in {".png", ".jpg", ".mo"}
        and address.search(path.read_text(errors="replace"))
    ]
    locks = [path.read_text() for path in ROOT.glob("requirements*.lock")]
    assert found == []
    assert len(locks) == 3
    assert not any("://" in lock for lock in locks)
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text()
