"""Slugs made of names, for rows that may have no slug twice."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, models, transaction
from django.utils.text import slugify

if TYPE_CHECKING:
    from companies.models.company import Company, Project


def free_slug(name: str, taken: models.QuerySet[Any], *, fallback: str) -> str:
    """A slug of `name` that no row of `taken` has, by appending -2, -3, …"""
    stem = slugify(name)[:90] or fallback
    used = set(taken.filter(slug__startswith=stem).values_list("slug", flat=True))
    slug, number = stem, 2
    while slug in used:
        slug, number = f"{stem}-{number}", number + 1
    return slug


def save_with_slug(
    row: "Company | Project",
    save: Callable[[], None],
    *,
    taken: models.QuerySet[Any],
    fallback: str,
) -> None:
    """Save a row; an empty slug becomes one of its name that no row of `taken` has.

    Another transaction may take what was free a moment ago: a slug made here is then made again.
    For what somebody typed it raises ValidationError, as a check before the save would have.
    """
    is_ours = not row.slug
    while True:
        if is_ours:
            row.slug = free_slug(row.name, taken, fallback=fallback)
        try:
            with transaction.atomic():
                save()
        except IntegrityError:
            if is_ours and taken.filter(slug=row.slug).exists():
                continue
            row.validate_unique()
            row.validate_constraints()
            raise
        return
