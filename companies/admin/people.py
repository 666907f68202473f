"""Users, the members of companies, and the tokens of API clients."""

from typing import Any, cast

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminEmailInputWidget

from companies import people
from companies.admin.base import ArvModelAdmin, TenantOptions, on_own_pages
from companies.limits import LimitReached
from companies.models import ApiToken, Membership, Role, User
from companies.tenancy import access_of
from companies.tokens import issue_token, revoke_token

# Roles take the place of groups; addresses and second factors have pages of their own.
for unused in (Group, EmailAddress, Authenticator):
    if admin.site.is_registered(unused):
        admin.site.unregister(unused)


class MembershipInline(TenantOptions, TabularInline[Membership, User]):
    """To look at: invitations and roles have their own page and rules."""

    model = Membership
    extra = 0
    fields = readonly_fields = ("company", "role", "created_at")
    show_change_link = True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access_of(request).manages_platform

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    has_change_permission = has_delete_permission = has_add_permission


@admin.register(User)
class UserAdmin(BaseUserAdmin[User], ArvModelAdmin[User]):  # type: ignore[misc]
    """All people of the platform: for superusers alone."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = (MembershipInline,)
    list_display = ("username", "email", "full_name", "companies", "state", "last_login")
    list_filter = ("is_active", "is_superuser")
    search_fields = ("username", "email", "first_name", "last_name")
    ordering = ("username",)
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined")
    actions = ("log_out_everywhere", "switch_off", "switch_on", "reset_second_factor")
    fieldsets = (
        (None, {"fields": ("username", "password", "is_active", "is_superuser")}),
        (_("Person"), {"fields": ("first_name", "last_name", "email")}),
        (_("Details"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "email", "usable_password", "password1", "password2")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("memberships__company")

    def save_model(
        self, request: HttpRequest, obj: User, form: ModelForm[User], change: bool
    ) -> None:
        # Django's own login asks for it; which pages open, the superuser flag and roles decide.
        obj.is_staff = True
        switched_off = change and "is_active" in form.changed_data and not obj.is_active
        super().save_model(request, obj, form, change)
        if switched_off:
            people.disable(obj)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        # Nobody locks oneself out.
        own = ("is_active", "is_superuser") if obj is not None and obj == request.user else ()
        return (*self.readonly_fields, *own)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj != request.user and super().has_delete_permission(request, obj)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        people.delete_user(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            people.delete_user(user)

    @display(description=_("full name"))
    def full_name(self, user: User) -> str:
        return user.get_full_name() or "—"

    @display(description=_("companies"))
    def companies(self, user: User) -> str:
        if user.is_superuser:
            return gettext("all")
        return ", ".join(str(one.company) for one in user.memberships.all()) or "—"

    @display(description=_("state"), label={"super": "info", "on": "success", "off": "danger"})
    def state(self, user: User) -> tuple[str, Any]:
        if not user.is_active:
            return "off", _("switched off")
        return ("super", _("superuser")) if user.is_superuser else ("on", _("active"))

    @admin.action(description=_("Log out everywhere"), permissions=["change"])
    def log_out_everywhere(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            user.log_out_everywhere()
        self.report(request, len(queryset))

    @admin.action(description=_("Switch off and log out everywhere"), permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        if queryset.filter(pk__in=[request.user.pk]).exists():
            self.message_user(request, gettext("You cannot switch yourself off."), messages.ERROR)
            return
        for user in queryset:
            people.disable(user)
        self.report(request, len(queryset))

    @admin.action(description=_("Switch on"), permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            people.enable(user)
        self.report(request, len(queryset))

    @admin.action(description=_("Remove the second factor (a lost phone)"), permissions=["change"])
    def reset_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        Authenticator.objects.filter(user__in=queryset).delete()
        self.report(request, len(queryset))

    def report(self, request: HttpRequest, count: int) -> None:
        text = ngettext("Done for %(count)d person.", "Done for %(count)d people.", count)
        self.message_user(request, text % {"count": count}, messages.SUCCESS)


class InviteForm(forms.ModelForm[Membership]):
    """A new member is named by an e-mail address, known to the platform or not."""

    email = forms.EmailField(
        label=_("E-mail"),
        max_length=150,
        widget=UnfoldAdminEmailInputWidget,
        help_text=_("An invitation goes there. Whoever has an account keeps it."),
    )

    class Meta:
        model = Membership
        fields = ("company", "role")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        company, email = cleaned.get("company"), cleaned.get("email")
        if company and email and Membership.objects.of_email(company, email).exists():
            self.add_error("email", _("This person is a member of the company already."))
        return cleaned


class RoleForm(forms.ModelForm[Membership]):
    class Meta:
        model = Membership
        fields = ("role",)


@admin.register(Membership)
class MembershipAdmin(ArvModelAdmin[Membership]):
    """The members of a company, as its owners see and choose them."""

    role_to_view = Role.VIEWER
    role_to_change = role_to_delete = Role.OWNER
    list_display = ("email", "company", "role_label", "created_at")
    list_filter = ("role", "company")
    list_select_related = ("user", "company")
    search_fields = ("user__email", "company__name")
    autocomplete_fields = ("company",)
    readonly_fields = ("email", "created_at")
    ordering = ("company__name", "user__email")
    actions = ("invite_again",)

    def get_form(
        self,
        request: HttpRequest,
        obj: Membership | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> Any:
        kwargs["form"] = RoleForm if obj else InviteForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Membership | None = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("company", "email", "role")}),)
        return ((None, {"fields": ("email", "company", "role", "created_at")}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> Any:
        return (*self.readonly_fields, "company") if obj else ("created_at",)

    def get_changeform_initial_data(self, request: HttpRequest) -> Any:
        initial = super().get_changeform_initial_data(request)
        companies = list(access_of(request).companies(Role.OWNER)[:2])
        if len(companies) == 1:
            initial.setdefault("company", str(companies[0].pk))
        return initial

    def save_model(
        self, request: HttpRequest, obj: Membership, form: ModelForm[Membership], change: bool
    ) -> None:
        if change:
            people.change_role(Membership.objects.get(pk=obj.pk), Role(obj.role))
            return
        made = people.invite(
            email=form.cleaned_data["email"],
            company=obj.company,
            role=Role(obj.role),
            invited_by=cast("User", request.user),
        )
        # The admin goes on with the row that it was given.
        obj.pk, obj.user = made.pk, made.user
        obj._state.adding = False

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        people.remove_member(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        for membership in queryset:
            people.remove_member(membership)

    @admin.action(description=_("Send the invitation again"), permissions=["change"])
    def invite_again(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        count = 0
        for membership in queryset.select_related("user", "company"):
            try:
                people.resend_invitation(membership)
            except LimitReached as error:
                self.message_user(request, " ".join(error.messages), messages.ERROR)
                break
            count += 1
        if not count:
            return
        text = ngettext("%(count)d invitation was sent.", "%(count)d invitations were sent.", count)
        self.message_user(request, text % {"count": count}, messages.SUCCESS)

    @display(description=_("e-mail"), ordering="user__email")
    def email(self, membership: Membership) -> str:
        """All that owners know of an invited person, with an account here before or not."""
        return membership.user.email or membership.user.username

    @display(
        description=_("role"),
        label={Role.OWNER: "success", Role.EDITOR: "info", Role.VIEWER: "warning"},
        ordering="role",
    )
    def role_label(self, membership: Membership) -> tuple[str, str]:
        return membership.role, membership.get_role_display()


class ApiTokenForm(forms.ModelForm[ApiToken]):
    def clean_expires_at(self) -> Any:
        expires_at = self.cleaned_data.get("expires_at")
        if expires_at and "expires_at" in self.changed_data and expires_at <= timezone.now():
            raise ValidationError(_("Choose a time to come."))
        return expires_at


@admin.register(ApiToken)
class ApiTokenAdmin(ArvModelAdmin[ApiToken]):
    role_to_view = role_to_change = role_to_delete = Role.OWNER
    form = ApiTokenForm
    list_display = ("name", "shown_prefix", "user", "company", "scope", "state", "last_used_at")
    list_filter = ("scope", "company")
    list_select_related = ("user", "company")
    search_fields = ("name", "prefix", "user__username")
    autocomplete_fields = ("user", "company")
    readonly_fields = ("shown_prefix", "last_used_at")
    actions = ("revoke",)

    def get_fieldsets(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        whose = ("user",) if obj or access_of(request).manages_platform else ()
        fields = ("name", *whose, "company", "scope", "expires_at")
        details = ("revoked_at", "shown_prefix", "last_used_at") if obj else ()
        return ((None, {"fields": (*fields, *details)}),)

    def get_readonly_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        kept = ("user", "company", "scope", "expires_at", "revoked_at") if obj else ()
        return (*self.readonly_fields, *kept)

    def get_form(
        self, request: HttpRequest, obj: ApiToken | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if obj is None and not access_of(request).manages_platform:
            form.base_fields["company"].required = True
        return form

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tokens are revoked, and their rows stay for the record; but they go with their user."""
        return not on_own_pages(self, request) and super().has_delete_permission(request, obj)

    def save_model(
        self, request: HttpRequest, obj: ApiToken, form: ModelForm[ApiToken], change: bool
    ) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        token, key = issue_token(
            access=access_of(request),
            issuer=None,
            # An owner's token acts as that owner: nobody acts in another person's name.
            user=obj.user if obj.user_id else cast("User", request.user),
            scope=obj.scope,
            name=obj.name,
            company=obj.company,
            expires_at=obj.expires_at,
        )
        # The admin goes on with the row that it was given.
        obj.pk, obj.user, obj.prefix = token.pk, token.user, token.prefix
        obj._state.adding = False
        self.message_user(
            request,
            gettext("Copy the token now, it is not shown again: %(key)s") % {"key": key},
            messages.WARNING,
        )

    @admin.action(description=_("Revoke"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        tokens = list(queryset.filter(revoked_at__isnull=True))
        for token in tokens:
            revoke_token(token, now=timezone.now())
        count = len(tokens)
        text = ngettext("%(count)d token was revoked.", "%(count)d tokens were revoked.", count)
        self.message_user(request, text % {"count": count}, messages.SUCCESS)

    @display(description=_("key"))
    def shown_prefix(self, token: ApiToken) -> str:
        return f"arv_{token.prefix}_…" if token.prefix else "—"

    @display(description=_("state"), label={"on": "success", "over": "warning", "off": "danger"})
    def state(self, token: ApiToken) -> tuple[str, Any]:
        if token.revoked_at:
            return "off", _("revoked")
        if token.expires_at and token.expires_at <= timezone.now():
            return "over", _("expired")
        return "on", _("active")
