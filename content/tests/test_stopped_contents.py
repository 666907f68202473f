"""What staff see and may do of contents that expiry has stopped: their own switch stays theirs."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from companies.models import Company, Project, User
from content.expiry import expire_due
from content.models import ARContent
from content.publishing import find_published
from content.tests.factories import ARContentFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/content/arcontent/"


@pytest.fixture
def content(project: Project) -> ARContent:
    now = timezone.now()
    Project.objects.update(expires_at=now - timedelta(days=1))
    content: ARContent = ARContentFactory.create(project=project)
    expire_due(now=now)
    assert switches(content) == (False, True)
    return content


def switches(content: ARContent) -> tuple[bool, bool]:
    content.refresh_from_db()
    return content.is_active, content.is_stopped


def is_back(content: ARContent) -> bool:
    """Whether visitors see it once its project runs again."""
    Project.objects.update(expires_at=None, status="active")
    return find_published(content.unique_id, timezone.now()) is not None


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({"title": "Other"}, (False, True)),
        ({"is_active": False}, (False, False)),
        ({"is_active": True}, (True, False)),
    ],
)
def test_the_api_takes_the_switch_over(
    editors: Client, content: ARContent, changes: dict[str, Any], result: tuple[bool, bool]
) -> None:
    url = f"/api/ar-content/{content.pk}"
    answer = editors.patch(url, changes, content_type="application/json")
    assert (answer.status_code, answer.json()["is_active"]) == (200, result[0])
    assert switches(content) == result
    assert is_back(content) == (result != (False, False))


class TestAdmin:
    @pytest.fixture
    def staff(self, client: Client, editor: User) -> Client:
        client.force_login(editor)
        return client

    def save(self, staff: Client, content: ARContent, **changes: Any) -> None:
        """Post the page as it was shown, with changes; None unticks."""
        url = f"{LIST}{content.pk}/change/"
        form = staff.get(url).context["adminform"].form
        assert form["is_active"].value() is True
        fields = {
            "project": content.project_id,
            "title": content.title,
            "is_active": "on",
            "initial-is_active": "True",
            "videos-TOTAL_FORMS": 0,
            "videos-INITIAL_FORMS": 0,
            **changes,
        }
        saved = staff.post(
            url, {name: value for name, value in fields.items() if value is not None}
        )
        assert saved.status_code == 302, saved.context["errors"]

    def test_another_change_leaves_it_to_expiry(self, staff: Client, content: ARContent) -> None:
        self.save(staff, content, title="Other")
        assert switches(content) == (False, True)
        assert content.title == "Other"
        assert is_back(content)

    def test_unticked_it_stays_away(self, staff: Client, content: ARContent) -> None:
        self.save(staff, content, is_active=None)
        assert switches(content) == (False, False)
        assert not is_back(content)

    def test_another_change_needs_no_subscription(self, staff: Client, content: ARContent) -> None:
        Company.objects.update(subscription_expires_at=timezone.now())
        self.save(staff, content, title="Other")
        assert switches(content) == (False, True)
        assert content.title == "Other"

    def test_the_list_does_not_call_it_switched_off(
        self, staff: Client, content: ARContent
    ) -> None:
        def listed(state: str) -> bool:
            return content in staff.get(LIST, {"state": state}).context["cl"].queryset

        assert not listed("off")
        assert listed("over")
        chosen = {"action": "switch_off", "_selected_action": content.pk, "state": "over"}
        staff.post(f"{LIST}?state=over", chosen)
        assert switches(content) == (False, False)
        assert listed("off")
