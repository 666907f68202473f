"""Russian is complete: every text of the code is in the catalogue, translated and up to date."""

import ast
import re
import subprocess
from collections.abc import Iterator
from gettext import GNUTranslations
from pathlib import Path

import django
import pytest
import unfold
from babel.messages import Catalog, Message
from babel.messages.pofile import read_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[2]
SINGULAR = {"_", "gettext", "gettext_lazy", "gettext_noop"}
PLURAL = {"ngettext", "ngettext_lazy"}
WITH_CONTEXT = {"pgettext", "pgettext_lazy"}
CALL = re.compile(r"\b(?:n?gettext|_)\(")
PLACEHOLDER = re.compile(r"%\((\w+)\)")


def catalogue(folder: str) -> Catalog:
    with (ROOT / folder / "ru/LC_MESSAGES/django.po").open("rb") as source:
        return read_po(source, locale="ru")


@pytest.fixture(scope="module")
def russian() -> Catalog:
    return catalogue("locale")


def files(pattern: str) -> Iterator[Path]:
    """Files of the repository, new ones included, and nothing that is ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", pattern]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for name in sorted(set(done.stdout.split("\0")) - {""}):
        if "/tests/" not in name and "/migrations/" not in name and (ROOT / name).is_file():
            yield ROOT / name


def texts(call: ast.Call) -> tuple[str, ...] | None:
    """The msgids of a translating call: one, or a singular and its plural."""
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    wanted = 1 if name in SINGULAR | WITH_CONTEXT else 2 if name in PLURAL else 0
    if not wanted:
        return None
    given = call.args[name in WITH_CONTEXT :][:wanted]
    constants = [one.value for one in given if isinstance(one, ast.Constant)]
    found = tuple(one for one in constants if isinstance(one, str))
    return found if len(found) == wanted else None


def of_python(source: str) -> Iterator[tuple[str, ...]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and (found := texts(node)):
            yield found


def of_template(source: str) -> Iterator[tuple[str, ...]]:
    """Django rewrites a template into calls among noise; each call is read up to its bracket."""
    noise = templatize(source)
    for match in CALL.finditer(noise):
        end = match.end()
        while (end := noise.find(")", end) + 1) > 0:
            try:
                call = ast.parse(noise[match.start() : end].strip(), mode="eval").body
            except SyntaxError:
                continue
            if isinstance(call, ast.Call) and (found := texts(call)):
                yield found
            break


def used_in_the_code() -> dict[tuple[str, ...], Path]:
    used: dict[tuple[str, ...], Path] = {}
    for path in files("*.py"):
        used |= dict.fromkeys(of_python(path.read_text()), path)
    for pattern in ("*.html", "*.txt"):
        for path in files(f"templates/{pattern}"):
            used |= dict.fromkeys(of_template(path.read_text()), path)
    return used


def test_every_text_of_the_code_is_in_the_catalogue(russian: Catalog) -> None:
    used = used_in_the_code()
    assert len(used) > 300
    # With or without a context.
    known = {message.id[0] if isinstance(message.id, tuple) else message.id for message in russian}
    missing = [
        f"{path.relative_to(ROOT)}: {ids[0]!r}" for ids, path in used.items() if ids[0] not in known
    ]
    assert missing == []


def test_nothing_is_untranslated_or_fuzzy(russian: Catalog) -> None:
    def is_done(message: Message) -> bool:
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        return all(forms) and not message.fuzzy

    assert [message.id for message in russian if message.id and not is_done(message)] == []


def test_placeholders_survive_translation(russian: Catalog) -> None:
    for message in russian:
        if not message.id:
            continue
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        allowed = {name for one in ids for name in PLACEHOLDER.findall(str(one))}
        for form in forms:
            names = set(PLACEHOLDER.findall(str(form or "")))
            assert names <= allowed, message.id
            # "One day" may do without its number; nothing else gets lost.
            assert len(forms) > 1 or names == allowed, message.id


def test_the_catalogue_keeps_no_dead_texts(russian: Catalog) -> None:
    used = {ids[0] for ids in used_in_the_code()}
    dead = [
        message.id
        for message in russian
        if message.id
        and (message.id[0] if isinstance(message.id, tuple) else message.id) not in used
    ]
    assert dead == []


def djangos_own() -> set[str]:
    known: set[str] = set()
    for app in ("conf", "contrib/admin", "contrib/auth"):
        compiled = Path(django.__file__).parent / app / "locale/ru/LC_MESSAGES/django.mo"
        with compiled.open("rb") as source:
            keys = GNUTranslations(source)._catalog  # type: ignore[attr-defined]
            known |= {key if isinstance(key, str) else key[0] for key in keys}
    return known


def used_by_the_theme() -> set[str]:
    root = Path(unfold.__file__).parent
    used: set[str] = set()
    for path in root.rglob("*.*"):
        parts = path.relative_to(root).parts
        if parts[0] == "contrib" and parts[1] != "filters":
            continue
        if path.suffix == ".html":
            used |= {ids[0] for ids in of_template(path.read_text())}
        elif path.suffix == ".py":
            used |= {ids[0] for ids in of_python(path.read_text())}
    return used - {""}


def test_the_themes_texts_are_translated_too() -> None:
    theme = catalogue("locale/theme")
    needed = used_by_the_theme() - djangos_own()
    assert len(needed) > 30
    done = {
        str(message.id[0] if isinstance(message.id, tuple) else message.id)
        for message in theme
        if message.string and not message.fuzzy
    }
    assert needed - done == set()


def test_templates_are_read_as_django_reads_them() -> None:
    source = (
        '{% load i18n %}{% translate "One" %} {{ x|default:_("Two (2)") }}'
        "{% blocktranslate count n=n %}{{ n }} day{% plural %}{{ n }} days{% endblocktranslate %}"
    )
    assert set(of_template(source)) == {("One",), ("Two (2)",), ("%(n)s day", "%(n)s days")}
