"""Two companies that must never meet, each with a row of every model of a company.

Every text of a world holds its canary, a word that occurs nowhere else: where it turns up, a row
has been seen. `hint` is its beginning, which whoever searches may type without knowing the rest.
"""

import hashlib
import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.files.base import ContentFile
from django.db import models, transaction
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule

from arv.tests.admin_walk.pictures import SIZE, marker, picture
from companies import quota
from companies.models import (
    ApiToken,
    Company,
    FileKind,
    Membership,
    Role,
    StorageConnection,
    StorageProvider,
    StorageTestStatus,
    User,
)
from companies.models.ownership import CompanyHistory, company_path
from companies.storage.connections import backend_for
from companies.tests.factories import UserFactory
from content.playback import choose

Recipe = Callable[["World", int], dict[str, Any]]

DAY = date(2025, 1, 1)
PICTURE = {"marker_status": "ready", "stars": 3.5, "image_width": SIZE[0], "image_height": SIZE[1]}
# What a file field holds: the kind of the file, and its extension.
FILES = {
    "image": (FileKind.PORTRAITS, "jpg"),
    "thumbnail": (FileKind.THUMBNAILS, "jpg"),
    "marker": (FileKind.MARKERS, "mind"),
    "qr_code": (FileKind.QR_CODES, "png"),
    "original": (FileKind.VIDEOS, "mp4"),
    "video": (FileKind.VIDEOS, "mp4"),
    "poster": (FileKind.THUMBNAILS, "jpg"),
    "thumbnail_small": (FileKind.THUMBNAILS, "jpg"),
    "thumbnail_large": (FileKind.THUMBNAILS, "jpg"),
    "archive": (FileKind.IMPORTS, "zip"),
    "sheet": (FileKind.IMPORTS, "pdf"),
}


def _token(world: "World", number: int) -> dict[str, Any]:
    return {
        "user": world.people[Role.OWNER],
        "prefix": world.known(secrets.token_hex(4)),
        "digest": f"{world.secret}{number}",
    }


def _connection(world: "World", number: int) -> dict[str, Any]:
    """The first keeps the files; the others have secrets."""
    bucket = {
        "endpoint_url": "http://127.0.0.1:9",
        "bucket": world.canary,
        "access_key": world.canary,
        "secret_key": world.secret,
    }
    return {
        "provider": StorageProvider.MINIO if number else StorageProvider.LOCAL_DISK,
        "base_path": world.canary,
        "credentials": bucket if number else {},
        "test_status": StorageTestStatus.FAILED if number else StorageTestStatus.OK,
    }


def _folder(world: "World", number: int) -> dict[str, Any]:
    # A company has one of each kind, and files make them: more folders are more companies'.
    company = world.another_company(1000 + number) if number else world.company
    return {"company": company, "folder_type": FileKind.PORTRAITS}


def _roll_up(world: "World", number: int) -> dict[str, Any]:
    # A company has one: more of them are more companies'.
    company = world.another_company(2000 + number) if number else world.company
    return {
        "company": company,
        "time_zone": "UTC",
        "built_until": DAY,
        "shared_until": datetime(2025, 1, 1, tzinfo=UTC),
    }


# One for each model of a company, in the order in which rows can be made: what must not be left
# to `World.make`, which fills every other field.
RECIPES: dict[str, Recipe] = {
    "companies.company": lambda world, number: {"storage_connection": world.disk},
    "companies.storageconnection": _connection,
    "companies.membership": lambda world, number: {
        "user": world.person(number),
        "role": list(Role)[number] if number < len(Role) else Role.VIEWER,
    },
    "companies.apitoken": _token,
    "companies.storagefolder": _folder,
    "companies.storedfile": lambda world, number: world.file("image"),
    "companies.project": lambda world, number: {
        "expires_at": timezone.now() + timedelta(days=10) if number == 1 else None
    },
    "content.portrait": lambda world, number: {
        **PICTURE,
        "marker_status": "failed" if number == 1 else "ready",
    },
    "content.arcontent": lambda world, number: {
        **PICTURE,
        "portrait": world.first("content.portrait") if number % 2 else None,
    },
    "content.video": lambda world, number: {
        "duration": 5.0,
        "width": 640,
        "height": 360,
        "status": "failed" if number == 1 else "ready",
    },
    "content.videorotationschedule": lambda world, number: {"rotation_type": "daily"},
    "content.rotationitem": lambda world, number: {"position": number},
    "content.notification": lambda world, number: {},
    "content.delivery": lambda world, number: {
        "notification": world.rows["content.notification"][number // 2],
        "channel": ["email", "telegram"][number % 2],
    },
    "content.bulkimport": lambda world, number: {"language": "en", "status": "done"},
    "content.bulkimportrow": lambda world, number: {
        "number": number,
        "ar_content": None if number else world.first("content.arcontent"),
    },
    "analytics.arviewsession": lambda world, number: {},
    # A row of each level: the company's, a project's, a content's.
    "analytics.dailystat": lambda world, number: {
        "day": DAY + timedelta(days=number),
        "project": world.first("companies.project") if number % 3 == 1 else None,
        "ar_content": world.first("content.arcontent") if number % 3 == 2 else None,
    },
    "analytics.rollup": _roll_up,
}

# The same for models that are the platform's and have pages.
PLATFORM: dict[str, Callable[[int], dict[str, Any]]] = {
    "companies.user": lambda number: {"username": f"somebody{number}"},
    "django_celery_beat.intervalschedule": lambda number: {"every": number + 1, "period": "days"},
    "django_celery_beat.crontabschedule": lambda number: {"minute": str(number)},
    "django_celery_beat.periodictask": lambda number: {
        "name": f"Task {number}",
        "task": "a.task",
        "interval": IntervalSchedule.objects.earliest("pk"),
    },
}


def grow_platform(count: int) -> None:
    for label, recipe in PLATFORM.items():
        rows = apps.get_model(label)._default_manager
        for number in range(rows.count(), count):
            rows.create(**recipe(number))


class World:
    """A company, its people by role, and `rows` of every model that has a company."""

    def __init__(self, name: str, disk: StorageConnection) -> None:
        self.disk: StorageConnection = disk
        self.hint = f"qz{name}"
        self.canary = f"{self.hint}heron"
        # What nobody is ever shown, not even the company's own people.
        self.secret = f"{self.hint}adder"
        self.network = {"home": "198.51.100", "away": "203.0.113"}[name]
        self.canaries = {self.canary}
        self.rows: dict[str, list[Any]] = {}
        self._names: dict[str, str] = {}
        self.people: dict[Role, User] = {role: self._user(role.value) for role in Role}
        self.company = self.add("companies.company")
        for label in RECIPES:
            if label in known_labels() and label != "companies.company":
                self.add(label)
        self._add_the_rest()

    def _add_the_rest(self) -> None:
        """The other people's roles, rows that ask for attention, and what is remembered."""
        for label in ("companies.membership", "companies.membership", "content.arcontent"):
            self.add(label)
        for label in ("companies.storageconnection", "companies.project", "content.portrait"):
            self.add(label)
        self.company.refresh_from_db()
        self.company.storage_connection = self.first("companies.storageconnection")
        self.company.save()
        content = self.first("content.arcontent")
        choose(self.first("content.video"), now=timezone.now())
        content.refresh_from_db()
        self.make("companies.project", 1000).delete()
        LogEntry.objects.log_actions(
            self.people[Role.OWNER].pk, [content], CHANGE, change_message=self.canary
        )

    @property
    def ids(self) -> dict[type[models.Model], int]:
        return {apps.get_model(label): rows[0].pk for label, rows in self.rows.items()}

    def first(self, label: str) -> Any:
        return self.rows[label][0]

    def unique_ids(self, model: type[models.Model]) -> list[str]:
        """What is unguessable of the row in `ids`, and so is searched for."""
        rows = self.rows.get(model._meta.label_lower, [])[:1]
        fields = [one for one in model._meta.fields if isinstance(one, models.UUIDField)]
        return [str(getattr(row, field.name)) for row in rows for field in fields]

    def known(self, text: str) -> str:
        """A text of this world that cannot hold the canary, such as an id."""
        self.canaries.add(text)
        return text

    def person(self, number: int) -> User:
        roles = list(Role)
        return self.people[roles[number]] if number < len(roles) else self._user(f"guest{number}")

    def _user(self, name: str) -> User:
        return UserFactory.create(
            username=f"{self.canary}-{name}",
            email=f"{self.canary}-{name}@example.com",
            first_name=f"{self.canary} {name}",
            last_name=f"{self.canary} {name}",
            is_staff=True,
        )

    def another_company(self, number: int) -> Company:
        """One more company with the same people."""
        company: Company = self.make("companies.company", number)
        for role, user in self.people.items():
            Membership.objects.create(company=company, user=user, role=role)
        return company

    def add(self, label: str) -> Any:
        rows = self.rows.setdefault(label, [])
        number = len(rows)
        is_more = label == "companies.company" and number > 0
        row = self.another_company(number) if is_more else self.make(label, number)
        rows.append(row)
        return row

    def make(self, label: str, number: int) -> Any:
        model = apps.get_model(label)
        values = RECIPES[label](self, number)
        for field in model._meta.concrete_fields:
            if field.name not in values:
                value = self._value(field, number)
                if value is not None:
                    values[field.name] = value
        row = model(**values)
        row._history_user = self.people[Role.OWNER]
        row.save()
        return row

    def _value(self, field: Any, number: int) -> Any:
        """A value with the canary in it; None leaves the field as it is."""
        text = f"{self.canary} {field.name} {number}"
        if field.primary_key or getattr(field, "auto_now", False):
            return None
        if isinstance(field, models.FileField):
            return self._stored(field.name, number)
        if isinstance(field, models.ForeignKey):
            return self._related(field)
        if field.choices:
            return None if field.has_default() else field.flatchoices[0][0]
        if isinstance(field, models.UUIDField):
            new = uuid.uuid4()
            self.known(new.hex)
            self.known(str(new))
            return new
        if isinstance(field, models.GenericIPAddressField):
            return self.known(f"{self.network}.{number}")
        if isinstance(field, models.JSONField):
            return [text] if field.get_default() == [] else {"note": text}
        if isinstance(field, models.EmailField):
            return f"{self.canary}-{field.name}-{number}@example.com"
        if isinstance(field, models.SlugField):
            return f"{self.canary}-{field.name}-{number}"
        if isinstance(field, (models.CharField, models.TextField)) and not field.get_default():
            return text
        return None

    def _related(self, field: Any) -> Any:
        related = field.related_model
        if related is User:
            return self.people[Role.OWNER]
        rows = self.rows.get(related._meta.label_lower)
        return rows[0] if rows else None

    def file(self, field_name: str) -> dict[str, Any]:
        """A new file in the company's storage: its row in the ledger, unsaved."""
        kind, extension = FILES[field_name]
        connection = self.first("companies.storageconnection")
        stem = self.known(uuid.uuid4().hex)
        name = f"{connection.pk}/{self.company.slug}/{kind.value}/{stem}.{extension}"
        made = {"jpg": picture, "mind": marker}.get(extension)
        content = made() if made else self.canary.encode()
        backend_for(connection.pk).write(name, ContentFile(content))
        return {"name": name, "kind": kind, "size_bytes": len(content), "connection": connection}

    def _stored(self, field_name: str, number: int) -> str:
        if number > 2 and field_name in self._names:
            # Of many rows, what their files are does not matter.
            return self._names[field_name]
        file = self.file(field_name)
        connection, size = file.pop("connection"), file.pop("size_bytes")
        quota.charge(self.company, **file, connection_id=connection.pk, size=size)
        self._names[field_name] = str(file["name"])
        return self._names[field_name]

    @contextmanager
    def grown(self, count: int, *labels: str) -> Iterator[None]:
        """Have that many rows of these models, or of every model, for a while."""
        before = {label: list(rows) for label, rows in self.rows.items()}
        with undone():
            for label in labels or before:
                while len(self.rows[label]) < count:
                    self.add(label)
            yield
        self.rows = before


@contextmanager
def undone() -> Iterator[None]:
    """Roll back whatever happens inside."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@cache
def known_labels() -> frozenset[str]:
    return frozenset(model._meta.label_lower for model in company_models())


@cache
def company_models() -> tuple[type[models.Model], ...]:
    """Every model whose rows belong to a company."""
    return tuple(model for model in apps.get_models() if company_path(model) is not None)


def registered_models() -> tuple[type[models.Model], ...]:
    return tuple(admin.site._registry)


def fingerprint(world: World) -> dict[str, str]:
    """A digest of all rows of the company and its people, by table."""
    tables: dict[str, models.QuerySet[Any]] = {}
    for model in apps.get_models():
        path = company_path(model)
        if issubclass(model, CompanyHistory):
            path = "history_company_id"
        if path is not None:
            tables[model._meta.label] = rows_of(model).filter(**{path: world.company.pk})
    people = [user.pk for user in world.people.values()]
    tables["people"] = User.objects.filter(pk__in=people).order_by("pk")
    for owned in (EmailAddress, Authenticator, Membership, ApiToken):
        tables[f"{owned.__name__} of people"] = rows_of(owned).filter(user__in=people)
    tables["log"] = LogEntry.objects.filter(object_repr__contains=world.canary)
    return {label: _digest(rows) for label, rows in tables.items()}


def rows_of(model: type[models.Model]) -> models.QuerySet[Any]:
    return model._base_manager.all()


def _digest(rows: models.QuerySet[Any]) -> str:
    return hashlib.sha256(repr(list(rows.order_by("pk").values_list())).encode()).hexdigest()


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return [label for label, digest in before.items() if after[label] != digest]
