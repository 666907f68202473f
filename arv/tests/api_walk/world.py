"""A company with a row of every kind, each bearing the company's mark."""

import json
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import Model

from analytics.models import ARViewSession
from companies.models import (
    ApiToken,
    Company,
    Membership,
    Project,
    Role,
    StorageConnection,
    StorageProvider,
    TokenScope,
    User,
)
from companies.models.ownership import company_path
from companies.provisioning import provision
from companies.tests.factories import (
    MembershipFactory,
    ProjectFactory,
    StorageConnectionFactory,
    UserFactory,
)
from content.models import (
    ARContent,
    Channel,
    Delivery,
    Notification,
    NotificationType,
    Portrait,
    RotationItem,
    RotationType,
    Video,
    VideoRotationSchedule,
)
from content.tests.factories import ARContentFactory, PortraitFactory, VideoFactory

APPS = ("companies", "content", "analytics")


@dataclass(frozen=True)
class World:
    mark: str
    company: Company
    owner: User
    member: Membership
    token: ApiToken
    connection: StorageConnection
    project: Project
    portrait: Portrait
    content: ARContent
    video: Video
    schedule: VideoRotationSchedule
    notice: Notification

    def secrets(self) -> list[str]:
        """What nobody else may ever be shown."""
        return [
            self.mark,
            str(self.content.unique_id),
            str(self.portrait.unique_id),
            str(self.content.image).rpartition("/")[2],
            self.token.prefix,
        ]


def populated(company: Company, owner: User, mark: str) -> World:
    marks = {"name": f"{mark} company", "contact_email": f"{mark}@example.com", "notes": mark}
    Company.objects.filter(pk=company.pk).update(**marks)
    company.refresh_from_db()
    provision(company)
    connection = StorageConnectionFactory.create(
        company=company,
        name=f"{mark} bucket",
        provider=StorageProvider.MINIO,
        credentials={
            "endpoint_url": "http://127.0.0.1:9",
            "bucket": f"{mark.lower()}-bucket",
            "access_key": f"{mark}-access-key",
            "secret_key": f"{mark}-secret-key",
        },
    )
    colleague = UserFactory.create(username=f"{mark}-colleague")
    project = ProjectFactory.create(
        company=company, name=f"{mark} project", description=mark, tags=[mark]
    )
    portrait = PortraitFactory.create(company=company, title=f"{mark} portrait")
    content = ARContentFactory.create(project=project, title=f"{mark} content", description=mark)
    video = VideoFactory.create(ar_content=content, title=f"{mark} video")
    ARContentFactory.create(
        project=project, title=f"{mark} second", portrait=portrait, image="", marker=""
    )
    ARViewSession.objects.create(
        session_id=content.unique_id,
        ar_content=content,
        project=project,
        company=company,
        browser=mark[:20],
    )
    schedule = VideoRotationSchedule.objects.create(
        ar_content=content, rotation_type=RotationType.DAILY
    )
    RotationItem.objects.create(schedule=schedule, video=video, position=0)
    notice = Notification.objects.create(
        company=company,
        project=project,
        ar_content=content,
        notification_type=NotificationType.TEST,
        subject=mark,
        message=mark,
    )
    Delivery.objects.create(notification=notice, channel=Channel.EMAIL)
    return World(
        mark=mark,
        company=company,
        owner=owner,
        member=MembershipFactory.create(user=colleague, company=company, role=Role.EDITOR),
        token=ApiToken.issue(
            user=owner, company=company, name=f"{mark} token", scope=TokenScope.MANAGE
        )[0],
        connection=connection,
        project=project,
        portrait=portrait,
        content=content,
        video=video,
        schedule=schedule,
        notice=notice,
    )


def owned_models() -> dict[type[Model], str]:
    """Every model of ours whose rows belong to a company, with the look-up that leads there."""
    found = {}
    for model in apps.get_models():
        if model._meta.app_label not in APPS:
            continue
        path = company_path(model)
        if path is None and "history_company_id" in {f.name for f in model._meta.get_fields()}:
            path = "history_company_id"
        if path is not None:
            found[model] = path
    return found


def rows_of(company: Company) -> dict[str, list[str]]:
    """All rows of a company, of every table, as they are now."""
    state: dict[str, list[str]] = {}
    for model, path in owned_models().items():
        rows: Any = model._base_manager.filter(**{path: company.pk}).order_by("pk").values()
        state[model.__name__] = [json.dumps(row, default=str, sort_keys=True) for row in rows]
    users = User.objects.filter(memberships__company=company).order_by("pk").values()
    state["User"] = [json.dumps(row, default=str, sort_keys=True) for row in users]
    return state
