"""The front page's problems: who gets a button, and that it does what it says."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from analytics.tests.furnish import DAY
from companies.models import Company, Role, StorageConnection, StorageTestStatus, User
from companies.tests.factories import MembershipFactory
from content.models import ARContent, MarkerStatus, Portrait, Video, VideoStatus

pytestmark = [pytest.mark.django_db, pytest.mark.orm]

INDEX = "/admin/"


@pytest.mark.usefixtures("furnished")
class TestFixes:
    def fixes(self, client: Client) -> dict[str, list[Any]]:
        return {
            group.key: [problem.fix for problem in group.problems]
            for group in client.get(INDEX).context["groups"]
        }

    def test_viewers_see_the_problems_and_no_button(self, client: Client, viewer: User) -> None:
        client.force_login(viewer)
        fixes = self.fixes(client)
        assert {"markers", "portraits", "videos", "projects_over", "projects_ending"} <= set(fixes)
        assert not any(fix for group in fixes.values() for fix in group)
        assert b"_selected_action" not in client.get(INDEX).content

    def test_editors_mend_contents_and_projects_but_not_storage(
        self, client: Client, editor: User
    ) -> None:
        client.force_login(editor)
        fixes = self.fixes(client)
        for key in ("markers", "portraits", "videos", "projects_over", "projects_ending"):
            assert all(fixes[key]), key
        assert "connections" not in fixes

    def test_an_editor_of_one_company_and_viewer_of_another_mends_only_the_first(
        self, client: Client, editor: User, stranger_company: Company
    ) -> None:
        MembershipFactory.create(user=editor, company=stranger_company, role=Role.VIEWER)
        client.force_login(editor)
        for group in client.get(INDEX).context["groups"]:
            for problem in group.problems:
                if group.key in {"markers", "portraits", "videos", "projects_ending"}:
                    assert bool(problem.fix) == (problem.company == "Company"), problem

    def test_make_again_renews_the_marker(
        self,
        client: Client,
        editor: User,
        django_capture_on_commit_callbacks: Callable[..., Any],
    ) -> None:
        client.force_login(editor)
        for key, model in {"markers": ARContent, "portraits": Portrait}.items():
            fix = self.fixes(client)[key][0]
            row = model._default_manager.get(pk=fix.post["_selected_action"])
            with django_capture_on_commit_callbacks() as callbacks:
                assert client.post(fix.url, fix.post).status_code == 302
            row.refresh_from_db()
            assert row.marker_status == MarkerStatus.PENDING
            assert len(callbacks) == 1
            assert key not in self.fixes(client)

    def test_prepare_again_has_the_video_prepared(
        self,
        client: Client,
        editor: User,
        django_capture_on_commit_callbacks: Callable[..., Any],
    ) -> None:
        Video.objects.update(original="1/company/videos/original.mov")
        client.force_login(editor)
        fix = self.fixes(client)["failed_videos"][0]
        with django_capture_on_commit_callbacks() as callbacks:
            assert client.post(fix.url, fix.post).status_code == 302
        assert len(callbacks) == 1
        assert Video.objects.get(pk=fix.post["_selected_action"]).status == VideoStatus.PENDING
        assert "failed_videos" not in self.fixes(client)

    def test_an_owner_is_led_to_the_address_that_does_not_work(
        self, client: Client, owner: User, editor: User, company: Company
    ) -> None:
        client.force_login(owner)
        fix = self.fixes(client)["contacts"][0]
        page = client.get(fix.url).content.decode()
        assert "chat not found" in page
        assert 'name="language"' in page
        client.force_login(editor)
        assert self.fixes(client)["contacts"] == [None]

    def test_the_buttons_of_others_change_nothing(
        self, client: Client, editor: User, viewer: User, stranger: User
    ) -> None:
        client.force_login(editor)
        fix = self.fixes(client)["markers"][0]
        for user in (viewer, stranger):
            client.force_login(user)
            client.post(fix.url, fix.post)
            row = ARContent.objects.get(pk=fix.post["_selected_action"])
            assert row.marker_status == MarkerStatus.FAILED

    def test_the_buttons_carry_a_csrf_token(self, editor: User) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(editor)
        response = client.get(INDEX)
        fix = next(g for g in response.context["groups"] if g.key == "markers").problems[0].fix
        assert client.post(fix.url, fix.post).status_code == 403
        token = str(response.context["csrf_token"])
        assert client.post(fix.url, {**fix.post, "csrfmiddlewaretoken": token}).status_code == 302

    def test_an_owner_tests_the_storage_again(self, client: Client, owner: User) -> None:
        client.force_login(owner)
        fix = self.fixes(client)["connections"][0]
        assert client.post(fix.url, fix.post).status_code == 302
        disk = StorageConnection.objects.get(pk=fix.post["_selected_action"])
        assert disk.test_status == StorageTestStatus.OK

    def test_members_learn_that_the_platforms_storage_fails_and_not_which(
        self, client: Client, owner: User, company: Company, superuser: User
    ) -> None:
        StorageConnection.objects.filter(pk=company.storage_connection_id).update(
            test_status=StorageTestStatus.FAILED, test_error="secret.example does not answer"
        )
        client.force_login(owner)
        response = client.get(INDEX)
        group = next(g for g in response.context["groups"] if g.key == "company_storage")
        assert [problem.title for problem in group.problems] == ["Company"]
        assert "secret.example" not in response.content.decode()
        listed = client.get(group.url).context["cl"].queryset
        assert [row.pk for row in listed] == [company.pk]
        client.force_login(superuser)
        response = client.get(INDEX)
        assert "secret.example" in response.content.decode()
        assert "company_storage" not in {group.key for group in response.context["groups"]}

    def test_only_the_platforms_staff_renew_and_raise(
        self, client: Client, owner: User, superuser: User, company: Company
    ) -> None:
        Company.objects.filter(pk=company.pk).update(
            subscription_expires_at=timezone.now() - DAY, storage_used_bytes=9 * 1024**3
        )
        change = reverse("admin:companies_company_change", args=[company.pk])
        client.force_login(owner)
        fixes = self.fixes(client)
        assert fixes["subscriptions"] == [None]
        assert change not in {fix.url for fix in fixes["quota"] if fix}
        client.force_login(superuser)
        fixes = self.fixes(client)
        assert [fix.url for fix in fixes["subscriptions"]] == [change]
        assert [fix.url for fix in fixes["quota"]] == [change]
