"""Celery beat's tables under the platform's theme."""

from django.contrib import admin
from django_celery_beat.admin import PeriodicTaskAdmin as BasePeriodicTaskAdmin
from django_celery_beat.admin import PeriodicTaskForm, TaskSelectWidget
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from companies.admin.base import TenantOptions

for model in (PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule):
    admin.site.unregister(model)


class UnfoldTaskSelectWidget(UnfoldAdminSelectWidget, TaskSelectWidget):
    pass


class ThemedPeriodicTaskForm(PeriodicTaskForm):
    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = UnfoldTaskSelectWidget()


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(TenantOptions, BasePeriodicTaskAdmin, ModelAdmin[PeriodicTask]):
    form = ThemedPeriodicTaskForm


@admin.register(IntervalSchedule)
class IntervalScheduleAdmin(TenantOptions, ModelAdmin[IntervalSchedule]):
    pass


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(TenantOptions, ModelAdmin[CrontabSchedule]):
    pass
