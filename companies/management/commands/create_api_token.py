"""Create a token for an API client and print it as JSON: the only time the key can be seen."""

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from companies.models import ApiToken, User
from companies.tenancy import Access


class Command(BaseCommand):
    help = "Create an API token; prints JSON with its key, which is shown only once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", help="the user whose rights the token has")
        parser.add_argument("--name", default="API client", help="what the token is for")
        parser.add_argument("--company", metavar="SLUG", help="limit the token to one company")
        parser.add_argument("--days", type=int, help="days until it expires; default: never")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user {options['username']!r}.")
        company = None
        if options["company"]:
            company = Access(user).companies().filter(slug=options["company"]).first()
            if company is None:
                raise CommandError(f"The user has no company {options['company']!r}.")
        days = options["days"]
        if days is not None and not 1 <= days <= 3650:
            raise CommandError("--days must be between 1 and 3650.")
        if len(options["name"]) > 100:
            raise CommandError("--name may have 100 characters.")
        token, key = ApiToken.issue(
            user=user,
            company=company,
            name=options["name"],
            expires_at=timezone.now() + timedelta(days=days) if days else None,
        )
        self.stdout.write(
            json.dumps(
                {
                    "id": token.pk,
                    "name": token.name,
                    "user": user.username,
                    "company": company.slug if company else None,
                    "expires_at": token.expires_at.isoformat() if token.expires_at else None,
                    "key": key,
                }
            )
        )
