"""`manage.py rebuild_stats --from 2026-01-01 --to 2026-01-31`: count the daily figures anew."""

import argparse
from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from analytics import rollups
from companies.models import Company


def day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day like 2026-01-31.") from None


class Command(BaseCommand):
    help = "Count the daily figures of these days anew, from the visits."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", type=day, required=True, help="the first day")
        parser.add_argument("--to", type=day, required=True, help="the last day, included")
        parser.add_argument("--company", help="name or slug; every company when left out")

    def handle(self, *args: Any, **options: Any) -> None:
        first, last = options["from"], options["to"]
        if first > last:
            raise CommandError("The last day is before the first one.")
        refused = []
        for company in companies_named(options["company"]):
            try:
                days = rollups.rebuild(company, first, last, now=timezone.now())
            except rollups.VisitsRemoved as error:
                refused.append(f"{company.name}: {error} Begin with that day or a later one.")
            else:
                self.stdout.write(f"{company.name}: {days} days")
        if refused:
            raise CommandError("\n".join(refused))


def companies_named(name: str | None) -> list[Company]:
    if name is None:
        return list(Company.objects.order_by("pk"))
    company = Company.objects.filter(slug=name).first() or Company.objects.filter(name=name).first()
    if company is None:
        raise CommandError(f"There is no company {name!r}.")
    return [company]
