"""The form of a rotation schedule: the rule, and the videos that take turns, in their order."""

from datetime import time
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.formats import time_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import SELECT_CLASSES, UnfoldAdminSelectWidget

from companies.admin.base import is_key
from content.models import ARContent, RotationType, Video, VideoRotationSchedule
from content.models.video import USED_BY
from content.rotation import check_cron

DAYS = (
    (1, _("Monday")),
    (2, _("Tuesday")),
    (3, _("Wednesday")),
    (4, _("Thursday")),
    (5, _("Friday")),
    (6, _("Saturday")),
    (7, _("Sunday")),
)
RULE_FIELDS = ("rotation_type", "day_of_week", "day_of_month", "time_of_day", "cron_expression")
SPARE_STEPS = 2
HELP = {
    "time_of_day": _("Without one: midnight."),
    "day_of_month": _(
        "Without one, a monthly rotation takes place on the 1st. "
        "31 is the last day of a shorter month."
    ),
    "cron_expression": _(
        "Minute, hour, day of the month, month, day of the week: “0 9 * * 1-5” is at nine "
        "from Monday to Friday."
    ),
}
FIRST_STEPS = 4
MOST_STEPS = 500
# Of all the lists of a sequence together: beyond that, a page takes seconds to open.
MOST_OPTIONS = 20_000


def rule_in_words(schedule: VideoRotationSchedule) -> str:
    """When a schedule gives the next video its turn, for people."""
    kind = schedule.rotation_type
    if kind == RotationType.SEQUENCE:
        return gettext("with each new visit")
    if schedule.cron_expression and kind in {RotationType.CRON, RotationType.RANDOM}:
        when = gettext("by the cron expression %(cron)s") % {"cron": schedule.cron_expression}
    else:
        at = time_format(schedule.time_of_day or time(), "TIME_FORMAT")
        is_random = kind == RotationType.RANDOM
        if kind == RotationType.MONTHLY or (is_random and schedule.day_of_month):
            day = schedule.day_of_month or 1
            when = gettext("on day %(day)d of each month at %(time)s") % {"day": day, "time": at}
        elif kind == RotationType.WEEKLY or (is_random and schedule.day_of_week):
            day = (schedule.day_of_week or 1) - 1
            when = gettext("each week on %(day)s at %(time)s") % {"day": DAYS[day][1], "time": at}
        else:
            when = gettext("each day at %(time)s") % {"time": at}
    return gettext("by chance, %(when)s") % {"when": when} if kind == RotationType.RANDOM else when


def is_too_long(schedule: VideoRotationSchedule) -> bool:
    """Whether a page with a list of all videos for each turn would be too heavy."""
    return schedule.items.count() * (schedule.ar_content.videos.count() + 1) > MOST_OPTIONS


class SequenceWidget(forms.SelectMultiple):
    """A numbered list of boxes, each with all videos: the order needs no mouse and no script."""

    def id_for_label(self, id_: str, index: str | None = None) -> str:
        return f"{id_}_1"

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        choices = [(str(key), label) for key, label in self.choices]
        chosen = [str(key) for key in value or () if key]
        spare = max(SPARE_STEPS, min(len(choices), FIRST_STEPS) - len(chosen))
        # What `is_too_long` lets through has room; the script needs one box to copy.
        room = max(MOST_OPTIONS // (len(choices) + 1), 1)
        context = {
            "name": name,
            "id": (attrs or {}).get("id", f"id_{name}"),
            "described_by": (attrs or {}).get("aria-describedby"),
            "choices": choices,
            "steps": [*chosen, *[""] * spare][:room],
            "left_out": max(len(chosen) - room, 0),
            "classes": " ".join(SELECT_CLASSES),
        }
        return render_to_string("admin/content/sequence.html", context)


class SequenceField(forms.ModelMultipleChoiceField["Video"]):
    """Videos in order, any of them several times; cleans to a list of rows."""

    widget = SequenceWidget

    def label_from_instance(self, obj: Any) -> str:
        video: Video = obj
        return str(video) if video.video else f"{video} ({video.get_status_display()})"

    def clean(self, value: Any) -> Any:
        keys = [str(key) for key in value or () if key]
        if len(keys) > MOST_STEPS:
            message = _("A sequence has at most %(most)d turns.")
            raise ValidationError(message, params={"most": MOST_STEPS})
        for key in keys:
            if not is_key(key):
                unknown = self.error_messages["invalid_choice"]
                raise ValidationError(unknown, code="invalid_choice", params={"value": key})
        found = {video.pk: video for video in super().clean(list(dict.fromkeys(keys)))}
        return [found[int(key)] for key in keys]

    def has_changed(self, initial: Any, data: Any) -> bool:
        # In this order: Django compares the sets.
        before = [str(key) for key in self.prepare_value(initial) or ()]
        return before != [str(key) for key in data or () if key]


class RuleForm(forms.ModelForm[VideoRotationSchedule]):
    """When the next video takes its turn, without the videos themselves."""

    class Meta:
        model = VideoRotationSchedule
        fields: tuple[str, ...] = RULE_FIELDS

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        kind = cleaned.get("rotation_type", "")
        used = USED_BY.get(kind, ())
        for name in set(RULE_FIELDS) - {"rotation_type", *used}:
            # What is not shown does not count, and is no mistake either.
            self.errors.pop(name, None)
            cleaned[name] = "" if name == "cron_expression" else None
        if kind == RotationType.CRON and not cleaned.get("cron_expression"):
            if "cron_expression" not in self.errors:
                self.add_error("cron_expression", _("Write a cron expression."))
        elif cleaned.get("cron_expression"):
            try:
                check_cron(cleaned["cron_expression"])
            except ValueError as error:
                self.add_error("cron_expression", str(error))
        return cleaned


class RotationForm(RuleForm):
    day_of_week = forms.TypedChoiceField(
        label=_("Day of the week"),
        choices=(("", "—"), *DAYS),
        coerce=int,
        empty_value=None,
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=_("Without one, a weekly rotation takes place on Monday."),
    )
    sequence = SequenceField(
        Video.objects.none(),
        required=False,
        label=_("Videos in turn"),
        help_text=_(
            "From the first to the last and from the start again; empty boxes do not count. "
            "All empty: all videos of the content, in their order."
        ),
    )

    class Meta(RuleForm.Meta):
        fields = ("ar_content", *RULE_FIELDS, "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.fields.keys() & HELP.keys():
            self.fields[name].help_text = HELP[name]
        if self.instance.pk and is_too_long(self.instance):
            # What is left out of the page is left as it is.
            del self.fields["sequence"]
        else:
            self._offer_videos(cast("SequenceField", self.fields["sequence"]))

    def _offer_videos(self, field: SequenceField) -> None:
        content = self.content()
        if content is None:
            field.help_text = _("Save first: then choose from the videos of the content.")
            return
        field.queryset = content.videos.all()
        if self.instance.pk:
            self.initial["sequence"] = [item.video_id for item in self.instance.items.all()]

    def content(self) -> ARContent | None:
        """The content whose videos are offered: the saved one, or the one that was chosen."""
        if self.instance.pk:
            return self.instance.ar_content
        chosen = self["ar_content"].value()
        try:
            found: ARContent | None = self.fields["ar_content"].clean(chosen)
        except ValidationError:
            return None
        return found
