from django.urls import path

from companies.api.companies import CompanyStorageView, CompanyViewSet
from companies.api.documentation import DocsView, SchemaView
from companies.api.members import MembersOfCompany, MemberViewSet
from companies.api.projects import ProjectsOfCompany, ProjectViewSet
from companies.api.routes import LIST, LIST_AND_CREATE, ONE, READ, READ_AND_DELETE
from companies.api.storage import ConnectionViewSet
from companies.api.tokens import TokenViewSet, WhoAmIView

urlpatterns = [
    path("companies", CompanyViewSet.as_view(LIST_AND_CREATE), name="api-companies"),
    path("companies/<int:id>", CompanyViewSet.as_view(ONE), name="api-company"),
    path(
        "companies/<int:id>/projects",
        ProjectsOfCompany.as_view(LIST),
        name="api-company-projects",
    ),
    path(
        "companies/<int:id>/storage",
        CompanyStorageView.as_view(READ),
        name="api-company-storage",
    ),
    path(
        "companies/<int:id>/members",
        MembersOfCompany.as_view(LIST_AND_CREATE),
        name="api-company-members",
    ),
    path("members", MemberViewSet.as_view(LIST), name="api-members"),
    path("members/<int:id>", MemberViewSet.as_view(ONE), name="api-member"),
    path("tokens", TokenViewSet.as_view(LIST_AND_CREATE), name="api-tokens"),
    path("tokens/<int:id>", TokenViewSet.as_view(READ_AND_DELETE), name="api-token"),
    path("auth/token", WhoAmIView.as_view(READ), name="api-who-am-i"),
    path("projects", ProjectViewSet.as_view(LIST_AND_CREATE), name="api-projects"),
    path("projects/<int:id>", ProjectViewSet.as_view(ONE), name="api-project"),
    path(
        "projects/<int:id>/extend",
        ProjectViewSet.as_view({"post": "extend"}),
        name="api-project-extend",
    ),
    path(
        "storage/connections",
        ConnectionViewSet.as_view(LIST_AND_CREATE),
        name="api-connections",
    ),
    path("storage/connections/<int:id>", ConnectionViewSet.as_view(ONE), name="api-connection"),
    path(
        "storage/connections/<int:id>/test",
        ConnectionViewSet.as_view({"post": "test"}),
        name="api-connection-test",
    ),
    path("schema", SchemaView.as_view(), name="api-schema"),
    path("docs", DocsView.as_view(url_name="api-schema"), name="api-docs"),
]
