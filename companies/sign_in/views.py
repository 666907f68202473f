"""The pages of django-allauth that need a word of our own."""

from typing import Any

from allauth.account.views import PasswordResetView
from allauth.mfa.totp.views import ActivateTOTPView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from redis.exceptions import RedisError

from companies.sign_in import second_factor
from companies.sign_in.forms import NoLetters, PasswordLinkForm


class PasswordLinkView(PasswordResetView):
    def form_valid(self, form: PasswordLinkForm) -> HttpResponse:
        try:
            return super().form_valid(form)
        except (NoLetters, RedisError):
            form.add_error(None, gettext("No letter can be sent now. Try again in a few minutes."))
            return self.form_invalid(form)


class SetUpSecondStepView(ActivateTOTPView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        required = second_factor.is_required_of(self.request.user)
        return {**super().get_context_data(**kwargs), "required": required}


def no_company(request: HttpRequest) -> HttpResponse:
    """For somebody who is signed in and belongs nowhere: why, and the way out."""
    return render(request, "account/no_company.html", status=403)
