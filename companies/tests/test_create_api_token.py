import json
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from companies.models import ApiToken, Company, User

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> dict[str, str | int | None]:
    output = StringIO()
    call_command("create_api_token", *arguments, stdout=output)
    answer = json.loads(output.getvalue())
    assert isinstance(answer, dict)
    return answer


def test_the_key_is_printed_once_and_opens_the_token(owner: User, company: Company) -> None:
    answer = run(owner.username, "--name", "Site", "--company", company.slug, "--days", "30")
    token = ApiToken.objects.matching(str(answer["key"])).get()
    assert (token.pk, token.user, token.company) == (answer["id"], owner, company)
    assert (answer["name"], answer["user"], answer["company"]) == (
        "Site",
        owner.username,
        company.slug,
    )
    expires_at = datetime.fromisoformat(str(answer["expires_at"]))
    assert abs(expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=1)


def test_without_options_the_token_is_of_all_companies_and_does_not_expire(owner: User) -> None:
    answer = run(owner.username)
    assert (answer["company"], answer["expires_at"]) == (None, None)


def test_what_cannot_be_is_refused(owner: User, stranger_company: Company) -> None:
    for arguments in (
        ["nobody"],
        [owner.username, "--company", "no-company"],
        [owner.username, "--company", stranger_company.slug],
        [owner.username, "--days", "0"],
        [owner.username, "--name", "x" * 101],
    ):
        with pytest.raises(CommandError):
            run(*arguments)
    assert not ApiToken.objects.exists()
