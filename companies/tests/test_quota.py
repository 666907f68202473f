"""`storage_used_bytes` is the sum of the ledger, and never more than the quota."""

import threading
import uuid
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from django.core.files.base import ContentFile
from django.db import connection as database
from django.db import transaction
from django.db.models import F, Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from companies import quota
from companies.models import Company, StorageConnection
from companies.models.company import GIGABYTE
from companies.quota import QuotaExceeded, charge, check_room, release
from companies.storage.connections import backend_of
from companies.storage.router import TenantStorage, generated_name
from companies.tests.factories import CompanyFactory

MEGABYTE = 1024**2


def take(company: Company, size: int) -> str:
    name = generated_name(company, "videos", "film.mp4")
    charge(
        company,
        name=name,
        connection_id=company.storage_connection_id,
        kind="videos",
        size=size,
    )
    return name


def ledger(company: Company) -> int:
    return company.stored_files.aggregate(total=Sum("size_bytes"))["total"] or 0


def used(company: Company) -> int:
    company.refresh_from_db()
    return company.storage_used_bytes


@pytest.mark.django_db
class TestOneAfterTheOther:
    @pytest.fixture
    def company(self, company: Company) -> Company:
        company.storage_quota_gb = 1
        company.save()
        return company

    def test_the_quota_may_be_filled_to_the_last_byte_and_no_further(
        self, company: Company
    ) -> None:
        take(company, GIGABYTE - 1)
        with pytest.raises(QuotaExceeded):
            take(company, 2)
        last = take(company, 1)
        with pytest.raises(QuotaExceeded):
            take(company, 1)
        assert used(company) == ledger(company) == GIGABYTE
        release(last)
        assert used(company) == ledger(company) == GIGABYTE - 1

    def test_a_quota_beyond_32_bits_is_counted_right(self, company: Company) -> None:
        Company.objects.filter(pk=company.pk).update(storage_quota_gb=1_000_000)
        take(company, 900_000 * GIGABYTE)
        with pytest.raises(QuotaExceeded):
            take(company, 100_001 * GIGABYTE)

    def test_the_refusal_says_in_plain_words_what_is_left(self, company: Company) -> None:
        take(company, GIGABYTE - 3 * MEGABYTE)
        with pytest.raises(QuotaExceeded) as refusal:
            check_room(company, 5 * MEGABYTE)
        (message,) = refusal.value.messages
        assert "5.0\xa0MB" in message
        assert "3.0\xa0MB" in message

    def test_a_quota_made_smaller_leaves_no_room_and_takes_nothing_away(
        self, company: Company
    ) -> None:
        name = take(company, 100)
        Company.objects.filter(pk=company.pk).update(storage_quota_gb=0)
        with pytest.raises(QuotaExceeded):
            check_room(company, 1)
        release(name)
        assert used(company) == 0

    def test_a_second_release_gives_nothing_back(self, company: Company) -> None:
        take(company, 10)
        name = take(company, 5)
        assert release(name)
        assert not release(name)
        assert used(company) == ledger(company) == 10

    def test_a_company_without_folders_gets_them_with_its_first_file(
        self, local_connection: StorageConnection
    ) -> None:
        bare = CompanyFactory.create(storage_connection=local_connection)
        take(bare, 7)
        assert bare.storage_folders.count() == 5
        folder = bare.storage_folders.get(folder_type="videos")
        assert (folder.files_count, folder.total_size_bytes) == (1, 7)

    def test_one_company_never_pays_for_another(
        self, company: Company, stranger_company: Company
    ) -> None:
        take(stranger_company, 50)
        assert (used(company), used(stranger_company)) == (0, 50)

    def test_saving_a_stale_copy_of_a_company_does_not_undo_a_charge(
        self, company: Company
    ) -> None:
        stale = Company.objects.get(pk=company.pk)
        take(company, 99)
        stale.notes = "edited meanwhile"
        stale.save()
        assert used(company) == ledger(company) == 99
        assert company.notes == "edited meanwhile"

    def test_a_file_over_quota_is_refused_before_a_byte_is_written(
        self, company: Company, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        take(company, GIGABYTE)
        written: list[object] = []
        backend = backend_of(company.storage_connection)
        monkeypatch.setattr(backend, "write", lambda *args: written.append(args))
        with pytest.raises(QuotaExceeded):
            TenantStorage().save(generated_name(company, "videos", "a.mp4"), ContentFile(b"x"))
        assert written == []

    def test_whoever_loses_the_last_room_while_storing_leaves_no_file(
        self, company: Company, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        take(company, GIGABYTE)
        monkeypatch.setattr(quota, "check_room", lambda *args: None)
        with pytest.raises(QuotaExceeded):
            TenantStorage().save(generated_name(company, "videos", "a.mp4"), ContentFile(b"x"))
        backend = backend_of(company.storage_connection)
        assert list(backend.walk(str(company.storage_connection_id), after="")) == []
        assert used(company) == GIGABYTE


class RolledBack(Exception):
    pass


def roll_back() -> NoReturn:
    raise RolledBack


@pytest.mark.django_db
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["take", "release", "release twice", "take, roll back", "roll back"]),
            st.integers(0, 400 * MEGABYTE),
        ),
        max_size=12,
    )
)
def test_after_any_history_the_counters_are_the_sums_of_the_ledger(
    local_connection: StorageConnection, steps: list[tuple[str, int]]
) -> None:
    company = CompanyFactory.create(
        name=uuid.uuid4().hex, storage_connection=local_connection, storage_quota_gb=1
    )
    held: list[str] = []
    for step, size in steps:
        try:
            if step == "take":
                held.append(take(company, size))
            elif step == "take, roll back":
                with transaction.atomic():
                    take(company, size)
                    roll_back()
            elif held and step == "roll back":
                with transaction.atomic():
                    release(held[size % len(held)])
                    roll_back()
            elif held:
                name = held.pop(size % len(held))
                release(name)
                if step == "release twice":
                    release(name)
        except (QuotaExceeded, RolledBack):
            pass
        total = ledger(company)
        folder = company.storage_folders.filter(folder_type="videos").first()
        assert used(company) == total <= GIGABYTE
        if folder is not None:
            assert (folder.files_count, folder.total_size_bytes) == (len(held), total)


def in_parallel(work: Callable[[], Any], *, times: int) -> list[Any]:
    """Run `work` in threads that start together; gives results and exceptions."""
    results: list[Any] = []
    barrier = threading.Barrier(times)

    def run() -> None:
        try:
            barrier.wait(timeout=30)
            results.append(work())
        except Exception as error:
            results.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(results) == times
    return results


@pytest.mark.django_db(transaction=True)
class TestInParallel:
    @pytest.fixture
    def company(self, company: Company) -> Company:
        company.storage_quota_gb = 1
        company.save()
        return company

    def test_exactly_what_fits_is_accepted(self, company: Company) -> None:
        size = GIGABYTE // 5
        results = in_parallel(lambda: take(company, size), times=12)
        accepted = [result for result in results if isinstance(result, str)]
        refused = [result for result in results if isinstance(result, QuotaExceeded)]
        assert (len(accepted), len(refused)) == (5, 7), results
        assert used(company) == ledger(company) == 5 * size

    def test_a_check_before_a_plain_write_would_let_too_much_in(self, company: Company) -> None:
        """The negative control: the same race without the conditional update."""
        everybody_looked = threading.Barrier(12)

        def careless() -> None:
            check_room(company, GIGABYTE // 5)
            everybody_looked.wait(timeout=30)
            Company.objects.filter(pk=company.pk).update(
                storage_used_bytes=F("storage_used_bytes") + GIGABYTE // 5
            )

        in_parallel(careless, times=12)
        assert used(company) > GIGABYTE

    def test_parallel_releases_of_one_file_give_its_room_back_once(self, company: Company) -> None:
        take(company, 100)
        name = take(company, 50)
        results = in_parallel(lambda: release(name), times=8)
        assert sorted(results) == [False] * 7 + [True]
        assert used(company) == ledger(company) == 100
