"""Rows whose content does not matter."""

import factory
from factory.django import DjangoModelFactory, Password

from companies.models import (
    Company,
    Membership,
    Project,
    Role,
    StorageConnection,
    StorageProvider,
    User,
)

PASSWORD = "a long test password"


class UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User

    username = factory.Sequence("user{}".format)
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.com")
    password = Password(PASSWORD)


class StorageConnectionFactory(DjangoModelFactory[StorageConnection]):
    """A local disk."""

    class Meta:
        model = StorageConnection

    name = factory.Sequence("Disk {}".format)
    provider = StorageProvider.LOCAL_DISK


class CompanyFactory(DjangoModelFactory[Company]):
    class Meta:
        model = Company

    name = factory.Sequence("Company {}".format)
    storage_connection = factory.SubFactory(StorageConnectionFactory)


class ProjectFactory(DjangoModelFactory[Project]):
    class Meta:
        model = Project

    name = factory.Sequence("Project {}".format)
    company = factory.SubFactory(CompanyFactory)


class MembershipFactory(DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    user = factory.SubFactory(UserFactory)
    company = factory.SubFactory(CompanyFactory)
    role = Role.VIEWER
