"""A content's changes: what of them needs a running subscription, and what they take along."""

from collections.abc import Iterable
from datetime import datetime

from companies.limits import check_subscription, is_later
from companies.storage.uploads import stored_files
from content import processing
from content.models import ARContent


def prolonged(
    before: ARContent,
    *,
    is_active: bool,
    published_at: datetime | None,
    expires_at: datetime | None,
) -> list[str]:
    """The fields that would show a content to visitors earlier, again or longer than `before`."""
    starts, now_starts = before.published_at, published_at
    is_earlier = starts is not None and (now_starts is None or now_starts < starts)
    prolonging = {
        "is_active": is_active and not before.is_on,
        "published_at": is_earlier,
        "expires_at": is_later(expires_at, than=before.expires_at),
    }
    return [field for field, is_so in prolonging.items() if is_so]


def change_content(content: ARContent, *, changed: Iterable[str], now: datetime) -> None:
    """Save the `changed` fields of a content; one that uses a portrait gives up its own picture.

    Switched on or off by hand, it is no longer one that expiry has stopped and brings back.
    Raises LimitReached when visitors would see it longer and the subscription has run out.
    """
    columns = set(changed)
    with stored_files():
        rows = ARContent.objects.select_for_update(of=("self",), no_key=True).select_related(
            "company"
        )
        before = rows.get(pk=content.pk)
        dates = {name: getattr(content, name) for name in ("published_at", "expires_at")}
        if columns.intersection(prolonged(before, is_active=content.is_active, **dates)):
            check_subscription(before.company, now)
        if "is_active" in columns:
            content.is_stopped = False
            columns.add("is_stopped")
        if "portrait" in columns and content.portrait_id and content.image:
            processing.drop_picture(content)
            columns.update(processing.PICTURE_FIELDS)
        content.save(update_fields={*columns, "updated_at"})


def switch_content(content: ARContent, *, on: bool, now: datetime) -> bool:
    """Show a content to visitors or hide it; True when that changed anything.

    Raises LimitReached as `change_content` does.
    """
    if content.is_on == on:
        return False
    content.is_active = on
    # Saved, not updated: the history shall tell who did it.
    change_content(content, changed=["is_active"], now=now)
    return True
