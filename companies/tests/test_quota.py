"""`storage_used_bytes` is the sum of the ledger, and never more than the quota."""

import contextlib
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NoReturn

import pytest
from django.core.files.base import ContentFile
from django.db import connection as database
from django.db import transaction
from django.db.models import BigIntegerField, Sum, Value
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from companies import quota
from companies.models import Company, FileKind, StorageConnection
from companies.models.company import GIGABYTE
from companies.quota import QuotaExceeded, charge, check_room, release, room
from companies.storage.connections import backend_of
from companies.storage.local import LocalBackend
from companies.storage.router import TenantStorage, generated_name
from companies.storage.uploads import discard, stored_files
from companies.tests.factories import CompanyFactory
from companies.tests.parallel import in_parallel, meeting_point

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


def store(company: Company, content: bytes) -> str:
    return TenantStorage().save(generated_name(company, "videos", "a.mp4"), ContentFile(content))


def files_of(company: Company) -> list[str]:
    """What is in the company's storage, by name."""
    backend = backend_of(company.storage_connection)
    return [entry.name for entry in backend.walk(str(company.storage_connection_id), after="")]


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
        assert bare.storage_folders.count() == len(FileKind)
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
            store(company, b"x")
        assert written == []

    def test_whoever_loses_the_last_room_while_storing_leaves_no_file(
        self, company: Company, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        take(company, GIGABYTE)
        monkeypatch.setattr(quota, "check_room", lambda *args: None)
        with pytest.raises(QuotaExceeded):
            store(company, b"x")
        assert files_of(company) == []
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


@pytest.mark.django_db(transaction=True)
class TestInParallel:
    @pytest.fixture
    def company(self, company: Company) -> Company:
        company.storage_quota_gb = 1
        company.save()
        return company

    def test_exactly_what_fits_is_accepted(self, company: Company) -> None:
        size = GIGABYTE // 5
        results = in_parallel([lambda: take(company, size)] * 12)
        accepted = [result for result in results if isinstance(result, str)]
        refused = [result for result in results if isinstance(result, QuotaExceeded)]
        assert (len(accepted), len(refused)) == (5, 7), results
        assert used(company) == ledger(company) == 5 * size

    @pytest.mark.parametrize("is_conditional", [True, False])
    def test_of_16_files_for_the_room_of_one_the_condition_lets_one_in(
        self, company: Company, monkeypatch: pytest.MonkeyPatch, is_conditional: bool
    ) -> None:
        """And without it, which is the negative control, all of them, because all had looked."""
        if not is_conditional:
            boundless = Value(1000 * GIGABYTE, BigIntegerField())
            monkeypatch.setattr(quota, "BYTES_LEFT", boundless)
        take(company, GIGABYTE - 10)
        everybody_looked = meeting_point(16)
        write = LocalBackend.write

        def write_late(*args: Any) -> None:
            everybody_looked.wait()
            write(*args)

        monkeypatch.setattr(LocalBackend, "write", write_late)
        results = in_parallel([lambda: store(company, b"x" * 10)] * 16)
        accepted = [result for result in results if isinstance(result, str)]
        refused = [result for result in results if isinstance(result, QuotaExceeded)]
        assert len(accepted) + len(refused) == 16, results
        assert len(accepted) == (1 if is_conditional else 16)
        assert used(company) == ledger(company) == GIGABYTE - 10 + 10 * len(accepted)
        assert files_of(company) == sorted(accepted)

    def test_parallel_releases_of_one_file_give_its_room_back_once(self, company: Company) -> None:
        take(company, 100)
        name = take(company, 50)
        results = in_parallel([lambda: release(name)] * 8)
        assert sorted(results) == [False] * 7 + [True]
        assert used(company) == ledger(company) == 100

    def test_two_transactions_over_two_companies_never_wait_for_each_other(
        self, company: Company, stranger_company: Company, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each charges one and releases from the other, in opposite orders."""
        both = (company, stranger_company)
        names = {each.pk: [take(each, 5) for _ in range(4)] for each in both}
        settle = quota._settle
        everybody_stored = meeting_point(8 if database.vendor == "postgresql" else 1)

        def settle_together(changes: Any) -> None:
            everybody_stored.wait()
            settle(changes)

        def move(one: Company, other: Company) -> None:
            name = names[other.pk].pop()
            with stored_files():
                store(one, b"x" * 7)
                discard(name)

        monkeypatch.setattr(quota, "_settle", settle_together)
        works = [lambda: move(*both), lambda: move(*reversed(both))] * 4
        assert in_parallel(works) == [None] * 8
        for each in both:
            assert used(each) == ledger(each) == 4 * 7


@pytest.mark.django_db(transaction=True)
class TestSettledTogether:
    """Within `stored_files()` the ledger changes at once and the counters at the end."""

    @pytest.fixture
    def company(self, company: Company) -> Company:
        company.storage_quota_gb = 1
        company.save()
        take(company, GIGABYTE - 30)
        return company

    def test_the_counter_moves_once_and_last(self, company: Company) -> None:
        with stored_files():
            old = store(company, b"x" * 10)
            store(company, b"x" * 10)
            with CaptureQueriesContext(database) as queries:
                discard(old)
            assert used(company) == GIGABYTE - 30
            assert room(company) == 20
        assert not any("storage_used_bytes" in query["sql"] for query in queries)
        assert used(company) == ledger(company) == GIGABYTE - 20
        folder = company.storage_folders.get(folder_type="videos")
        assert (folder.files_count, folder.total_size_bytes) == (2, GIGABYTE - 20)
        assert len(files_of(company)) == 1

    def test_what_is_stored_already_counts_before_a_byte_is_written(self, company: Company) -> None:
        with stored_files():
            first = store(company, b"x" * 30)
            with pytest.raises(QuotaExceeded):
                store(company, b"x")
            discard(first)
            second = store(company, b"x" * 30)
        assert used(company) == ledger(company) == GIGABYTE
        assert files_of(company) == [second]

    def test_a_file_may_be_replaced_when_nothing_is_left(self, company: Company) -> None:
        old = store(company, b"x" * 30)
        with stored_files():
            discard(old)
            new = store(company, b"y" * 30)
        assert used(company) == ledger(company) == GIGABYTE
        assert files_of(company) == [new]

    def test_a_smaller_file_replaces_a_larger_one_even_over_the_quota(
        self, company: Company, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old = store(company, b"x" * 30)
        Company.objects.filter(pk=company.pk).update(storage_quota_gb=0)
        monkeypatch.setattr(quota, "check_room", lambda *args: None)
        with stored_files():
            discard(old)
            store(company, b"y" * 20)
        assert used(company) == ledger(company) == GIGABYTE - 10

    def test_whoever_loses_the_last_room_at_the_end_leaves_no_row_and_no_file(
        self, company: Company
    ) -> None:
        def lose() -> None:
            with stored_files():
                store(company, b"x" * 10)
                store(company, b"x" * 20)
                # As good as another transaction that took the rest.
                Company.objects.filter(pk=company.pk).update(storage_quota_gb=0)

        with pytest.raises(QuotaExceeded) as refusal:
            lose()
        (message,) = refusal.value.messages
        assert "30\xa0bytes are needed" in message
        assert used(company) == ledger(company) == GIGABYTE - 30
        assert files_of(company) == []

    @pytest.mark.parametrize("savepoint", [stored_files, transaction.atomic])
    def test_a_savepoint_takes_its_charges_and_releases_along(
        self, company: Company, savepoint: Callable[[], AbstractContextManager[None]]
    ) -> None:
        old = store(company, b"x")
        with stored_files():
            outer = store(company, b"x" * 10)
            with contextlib.suppress(RolledBack), savepoint():
                store(company, b"x" * 15)
                discard(old)
                discard(outer)
                roll_back()
            assert room(company) == 19
        assert used(company) == ledger(company) == GIGABYTE - 19
        assert {old, outer} <= set(files_of(company))

    def test_an_inner_block_is_settled_with_the_outer_one(self, company: Company) -> None:
        with stored_files():
            with stored_files():
                store(company, b"x" * 10)
            assert used(company) == GIGABYTE - 30
            store(company, b"x" * 10)
        assert used(company) == ledger(company) == GIGABYTE - 10
