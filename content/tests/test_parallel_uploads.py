"""Many people of one company upload at the same moment, through the admin's own forms."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection as database
from django.db.models import BigIntegerField, Sum, Value
from django.test import Client
from django.utils import timezone

from companies import quota
from companies.limits import add_project
from companies.models import Company, Project, User
from companies.models.company import GIGABYTE
from companies.quota import charge
from companies.storage import uploads
from companies.storage.connections import backend_of
from companies.storage.local import LocalBackend
from companies.storage.router import generated_name
from companies.tests.parallel import in_parallel, meeting_point
from content.models import ARContent, Portrait
from content.tests.media import photograph

pytestmark = pytest.mark.django_db(transaction=True)
PICTURE = photograph(side=240)
# SQLite lets in one writer at a time, and so one form: nothing can come between its look at the
# room and its write.
ONE_AT_A_TIME = database.vendor == "sqlite"


def picture() -> SimpleUploadedFile:
    return SimpleUploadedFile("grandma.jpg", PICTURE, "image/jpeg")


@pytest.fixture
def clients(editor: User) -> list[Client]:
    """Sixteen browsers, signed in."""
    clients = [Client() for _ in range(16)]
    for client in clients:
        client.force_login(editor)
    return clients


def upload_portrait(client: Client, company: Company) -> Any:
    """Two files: the picture and its thumbnail."""
    form = {"company": company.pk, "title": "Grandmother", "picture": picture()}
    return client.post("/admin/content/portrait/add/", form, follow=True)


def upload_content(client: Client, project: Project) -> Any:
    """Three files: the picture, its thumbnail and the QR code."""
    form = {
        "project": project.pk,
        "title": "Grandmother",
        "is_active": "on",
        "picture": picture(),
        "videos-TOTAL_FORMS": 0,
        "videos-INITIAL_FORMS": 0,
    }
    return client.post("/admin/content/arcontent/add/", form)


def bytes_used(company: Company) -> tuple[int, int]:
    """By the counter, and by the sum of the ledger."""
    company.refresh_from_db()
    total = company.stored_files.aggregate(total=Sum("size_bytes"))["total"]
    return company.storage_used_bytes, total


def fill_up(company: Company, client: Client, *, portraits: int) -> int:
    """Upload one portrait, then leave room for so many of its size; gives what is used."""
    assert upload_portrait(client, company).status_code == 200
    size, _ = bytes_used(company)
    company.storage_quota_gb = 1
    company.save()
    charge(
        company,
        name=generated_name(company, "videos", "film.mp4"),
        connection_id=company.storage_connection_id,
        kind="videos",
        size=GIGABYTE - size * (portraits + 1),
    )
    return GIGABYTE - size * portraits


@pytest.mark.parametrize("fitting", [1, 3])
def test_of_16_uploads_as_many_are_accepted_as_fit(
    company: Company, clients: list[Client], fitting: int
) -> None:
    fill_up(company, clients[0], portraits=fitting)
    pages = in_parallel([partial(upload_portrait, client, company) for client in clients])
    assert {getattr(page, "status_code", page) for page in pages} == {200}
    assert Portrait.objects.count() == 1 + fitting
    assert bytes_used(company) == (GIGABYTE, GIGABYTE)
    refusals = [page for page in pages if "storage quota has only" in page.content.decode()]
    assert len(refusals) == 16 - fitting
    backend = backend_of(company.storage_connection)
    stored = list(backend.walk(str(company.storage_connection_id), after=""))
    assert len(stored) == 2 * (1 + fitting), "the losers' files are gone"


@pytest.mark.parametrize("is_conditional", [True, False])
def test_when_all_have_looked_at_the_room_the_conditional_update_decides(
    company: Company,
    clients: list[Client],
    monkeypatch: pytest.MonkeyPatch,
    is_conditional: bool,
) -> None:
    """And without it, which is the negative control, everybody is let in."""
    used_before = fill_up(company, clients[0], portraits=1)
    size = GIGABYTE - used_before
    if not is_conditional:
        boundless = Value(1000 * GIGABYTE, BigIntegerField())
        monkeypatch.setattr(quota, "BYTES_LEFT", boundless)
    settle = quota._settle
    everybody_stored = meeting_point(1 if ONE_AT_A_TIME else 16)

    def settle_late(changes: Any) -> None:
        if changes:
            everybody_stored.wait()
        settle(changes)

    monkeypatch.setattr(quota, "_settle", settle_late)
    pages = in_parallel([partial(upload_portrait, client, company) for client in clients])
    assert {getattr(page, "status_code", page) for page in pages} == {200}
    accepted = 1 if is_conditional or ONE_AT_A_TIME else 16
    assert Portrait.objects.count() == 1 + accepted
    assert bytes_used(company) == (used_before + accepted * size,) * 2


class TestASlowStorage:
    SECONDS_PER_FILE = 0.5

    @pytest.fixture(autouse=True)
    def slow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        write = LocalBackend.write

        def write_slowly(*args: Any) -> None:
            time.sleep(self.SECONDS_PER_FILE)
            write(*args)

        monkeypatch.setattr(LocalBackend, "write", write_slowly)

    def seconds(self, *works: Callable[[], Any]) -> float:
        started = time.monotonic()
        answers = in_parallel(works)
        assert {getattr(answer, "status_code", answer) for answer in answers} == {302}
        return time.monotonic() - started

    def test_four_forms_of_one_company_take_as_long_as_one(
        self, project: Project, clients: list[Client]
    ) -> None:
        forms = [partial(upload_content, client, project) for client in clients[:5]]
        alone = self.seconds(forms[0])
        together = self.seconds(*forms[1:])
        assert ARContent.objects.count() == 5
        used, total = bytes_used(project.company)
        assert used == total > 0
        assert ONE_AT_A_TIME or together < 2 * alone

    def test_charged_file_by_file_they_would_wait_for_each_other(
        self, project: Project, clients: list[Client], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The negative control."""
        at_once = SimpleNamespace(settled_together=nullcontext, release=quota.release)
        monkeypatch.setattr(uploads, "quota", at_once)
        forms = [partial(upload_content, client, project) for client in clients[:5]]
        alone = self.seconds(forms[0])
        assert self.seconds(*forms[1:]) > 2 * alone

    def test_a_form_that_takes_long_does_not_hold_up_a_new_project(
        self, project: Project, clients: list[Client]
    ) -> None:
        company = project.company

        def make_project() -> Any:
            time.sleep(1.5 * self.SECONDS_PER_FILE)
            started = time.monotonic()
            add_project(Project(company=company, name="Meanwhile"), now=timezone.now())
            waited.append(time.monotonic() - started)
            return SimpleNamespace(status_code=302)

        waited: list[float] = []
        self.seconds(partial(upload_content, clients[0], project), make_project)
        assert ONE_AT_A_TIME or waited[0] < self.SECONDS_PER_FILE
