"""`manage.py erase_session ID`: forget the visits of a session, at a visitor's wish."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from analytics.retention import erase_session


class Command(BaseCommand):
    help = "Remove the visits of a session, and count the days anew that counted them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "session_id", help="the number of the visit, as the page of privacy shows it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            session_id = UUID(options["session_id"])
        except ValueError:
            raise CommandError(f"{options['session_id']!r} is not the id of a session.") from None
        erased = erase_session(session_id, now=timezone.now())
        if not erased.visits:
            raise CommandError(f"There is no visit with the session id {session_id}.")
        self.stdout.write(f"Session {session_id}: visits removed: {erased.visits}.")
        for company, day in erased.rebuilt:
            self.stdout.write(f"{company}: the figures of {day} are counted without them.")
        for company, day in erased.unchanged:
            self.stdout.write(
                f"{company}: the figures of {day} still count them, as nobody's: the other visits"
                " of that day have been removed, so it cannot be counted anew."
            )
