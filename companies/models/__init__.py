from companies.models.company import (
    Company,
    Language,
    Project,
    ProjectStatus,
    ProjectType,
    SubscriptionTier,
    SubscriptionType,
)
from companies.models.people import ApiToken, Membership, Role, TokenScope, User
from companies.models.storage import (
    FileKind,
    StorageConnection,
    StorageFolder,
    StorageProvider,
    StorageTestStatus,
    StoredFile,
)

__all__ = [
    "ApiToken",
    "Company",
    "FileKind",
    "Language",
    "Membership",
    "Project",
    "ProjectStatus",
    "ProjectType",
    "Role",
    "StorageConnection",
    "StorageFolder",
    "StorageProvider",
    "StorageTestStatus",
    "StoredFile",
    "SubscriptionTier",
    "SubscriptionType",
    "TokenScope",
    "User",
]
