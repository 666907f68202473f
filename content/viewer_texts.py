"""The words of the AR page's script, in the visitor's language."""

from django.utils.translation import gettext as _


def viewer_texts() -> dict[str, str]:
    """Text by key, as `static/viewer/` looks them up; a reason code is its own key."""
    return {
        # Starting
        "phaseCamera": _("Allow the camera to see the picture come alive."),
        "cameraHint": _("Your browser is asking for the camera: please allow it."),
        "phaseDownload": _("Loading what the camera should look for…"),
        "phasePrepare": _("Getting ready to recognise the picture…"),
        "slowHint": _("The first start takes a few seconds on this phone."),
        "slowOffer": _("Still getting ready. You can watch without the camera meanwhile."),
        # Looking
        "searching": _("Point the camera at this picture"),
        "searchHint": _("Come closer until the picture fills the frame, and mind reflections."),
        "found": _("Found it"),
        "videoLoading": _("The video is loading…"),
        "lost": _("Bring the picture back into view"),
        # Controls
        "soundOn": _("Turn sound on"),
        "soundOff": _("Turn sound off"),
        "openCamera": _("Open the camera view"),
        "retry": _("Try the camera again"),
        "copyLink": _("Copy the link"),
        "copied": _("Copied"),
        "openSafari": _("Tap the share or menu button and choose “Open in Safari”."),
        # Watching, and why
        "watchingHint": _("With the camera, the video plays right on the picture."),
        "denied": _(
            "The camera is not allowed for this page, so here is the video. "
            "You can allow the camera in the browser's settings for this site."
        ),
        "noCamera": _("No camera was found on this device, so here is the video."),
        "cameraFailed": _(
            "The camera could not be started, so here is the video. "
            "Perhaps another app is using it."
        ),
        "noAnswer": _("The camera gave no picture, so here is the video."),
        "insecure": _(
            "The camera works only over a secure connection (https), so here is the video."
        ),
        "inApp": _(
            "The browser inside this app has no camera, so here is the video. "
            "Open the page in your own browser to see the picture come alive."
        ),
        "unsupported": _("This browser cannot use the camera, so here is the video."),
        "noWebGL": _(
            "This browser cannot recognise pictures (it lacks WebGL), so here is the video."
        ),
        "markerPending": _(
            "The picture is still being prepared for recognition, so here is the video. "
            "Please try again in a minute."
        ),
        "markerMissing": _(
            "What the camera should look for could not be loaded, so here is the video."
        ),
        "slow": _("The connection is too slow for the camera view, so here is the video."),
        "tooSlow": _("This phone needs too long to get ready, so here is the video."),
        "trackerFailed": _("Recognising the picture failed on this phone, so here is the video."),
        "videoFailed": _("The video cannot be played here. Please try again later."),
    }
