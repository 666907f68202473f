"""`manage.py seed_defaults`: the default storage, company and periodic tasks; may be run again."""

from typing import Any

from django.core.management.base import BaseCommand

from companies.provisioning import PERIODIC, seed_defaults


class Command(BaseCommand):
    help = "Create the default storage connection, company and periodic tasks where missing."

    def handle(self, *args: Any, **options: Any) -> None:
        company = seed_defaults()
        self.stdout.write(
            f"Company “{company}” on storage “{company.storage_connection}”, "
            f"{len(PERIODIC)} periodic tasks."
        )
