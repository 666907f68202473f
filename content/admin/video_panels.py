"""What pages show of a video: how far a worker is, what was uploaded, and whether it plays."""

from datetime import datetime
from typing import Any

from django.template.defaultfilters import filesizeformat, floatformat
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from content.models import Video, VideoStatus

# More of them is what HDR takes.
STANDARD_BITS = 8
CODECS = {
    "h264": "H.264",
    "hevc": "HEVC (H.265)",
    "mpeg4": "MPEG-4",
    "vp8": "VP8",
    "vp9": "VP9",
    "av1": "AV1",
    "aac": "AAC",
    "opus": "Opus",
    "vorbis": "Vorbis",
    "mp3": "MP3",
}


def video_state(video: Video, now: datetime) -> tuple[str, str]:
    """(key, words): what a video does among those of its content."""
    if video.schedule_start and video.schedule_start > now:
        return "later", gettext("opens later")
    if video.schedule_end and video.schedule_end <= now:
        return "over", gettext("window is over")
    if not video.video:
        return "unfit", gettext("cannot play yet")
    return ("on", gettext("plays")) if video.is_active else ("off", gettext("waits"))


def video_context(video: Video, *, may_change: bool, now: datetime) -> dict[str, Any]:
    key, state = video_state(video, now)
    return {
        "video": video,
        "key": key,
        "state": state,
        "may_change": may_change,
        "waiting": video.status in {VideoStatus.PENDING, VideoStatus.PROCESSING},
        "uploaded": probe_in_words(video.probe),
    }


def video_panel(video: Video, *, may_change: bool) -> SafeString:
    context = video_context(video, may_change=may_change, now=timezone.now())
    return render_to_string("admin/content/video_player.html", context)


def probe_in_words(found: dict[str, Any]) -> str:
    """What an upload was, from a row's `probe`; empty for rows that have none."""
    if "codec" not in found:
        return ""
    rate = gettext("%(fps)s frames per second") % {"fps": floatformat(found["fps"], -2)}
    sound = found["audio"]
    parts = [
        CODECS.get(found["codec"], found["codec"]),
        f"{found['width']}×{found['height']}",
        gettext("%(bits)d bits per colour (HDR)") % {"bits": found["bit_depth"]}
        if found["bit_depth"] > STANDARD_BITS
        else "",
        gettext("turned by %(degrees)d°") % {"degrees": found["rotation"]}
        if found["rotation"]
        else "",
        gettext("%(rate)s, varying") % {"rate": rate} if found["is_vfr"] else rate,
        gettext("sound: %(codec)s") % {"codec": CODECS.get(sound, sound)}
        if sound
        else gettext("without sound"),
        gettext("with an alpha channel, which is left out") if found["has_alpha_channel"] else "",
        filesizeformat(found["bytes"]),
    ]
    return ", ".join(part for part in parts if part)
