"""Users, their groups and memberships, and the tokens of API clients."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from companies.admin.base import ArvModelAdmin
from companies.models import ApiToken, Membership, User

admin.site.unregister(Group)


class MembershipInline(TabularInline[Membership, User]):
    model = Membership
    extra = 0
    autocomplete_fields = ("company",)


@admin.register(User)
class UserAdmin(BaseUserAdmin[User], ModelAdmin[User]):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = (MembershipInline,)


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, ModelAdmin[Group]):
    pass


@admin.register(ApiToken)
class ApiTokenAdmin(ArvModelAdmin[ApiToken]):
    list_display = ("name", "shown_prefix", "user", "company", "expires_at", "last_used_at")
    list_select_related = ("user", "company")
    search_fields = ("name", "prefix", "user__username")
    autocomplete_fields = ("user", "company")
    fields = ("name", "user", "company", "expires_at", "revoked_at", "shown_prefix", "last_used_at")
    readonly_fields = ("shown_prefix", "last_used_at")

    def get_readonly_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        return (*self.readonly_fields, "user", "company") if obj else self.readonly_fields

    def save_model(
        self, request: HttpRequest, obj: ApiToken, form: ModelForm[ApiToken], change: bool
    ) -> None:
        key = None if change else obj.renew_key()
        super().save_model(request, obj, form, change)
        if key:
            self.message_user(
                request,
                gettext("Copy the token now, it is not shown again: %(key)s") % {"key": key},
                messages.WARNING,
            )

    @display(description=_("key"))
    def shown_prefix(self, token: ApiToken) -> str:
        return f"arv_{token.prefix}_…" if token.prefix else "—"
