"""Firebase messages. None of them ever carries content: `data` says why it came and what it replaces, no more.

- Silent ones (the beat, a hush): `content-available`, push type `background`, priority 5; Android normal for the beat.
- Alerts (staff, a direct wake, a severe incident): fixed words under a localisation key, priority 10,
  `mutable-content` so that the app can fetch what to show, time-sensitive for staff. On Android they are data alone, at
  high priority, and the app shows the same words itself: so it can also take them away again.

`data`: `w`, why: a `Notice`, `quiet`, or empty for the beat; `c`: the collapse id, by which the phone finds an alert
again that it shows. Sources: Apple, "Sending notification requests to APNs"; Firebase, `projects.messages` (FCM v1).
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebase_admin.messaging import AndroidConfig, APNSConfig, APNSPayload, Aps, ApsAlert, Message

from backend.notify.kinds import TELLING, Notice, Who, collapse_id

QUIET = "quiet"


@dataclass(frozen=True)
class Target:
    """Where a message goes: `kind` is `fid`, `token` or `topic`. `platform` None: whatever listens to the topic."""

    kind: str
    address: str
    platform: str | None


def build(
    notice: Notice, about: uuid.UUID | None, target: Target, now: datetime, *, until: datetime, quiet: bool
) -> Message:
    """The message; `until` is when Firebase and Apple stop trying to deliver it."""
    words = None if quiet else TELLING[notice].words
    collapse = collapse_id(notice, about)
    data = {"w": ""} if notice is Notice.NEWS else {"w": QUIET if quiet else notice, "c": collapse}
    message = Message(
        data=data,
        android=_android(notice, collapse, until - now) if target.platform != "ios" else None,
        apns=_apns(notice, words, collapse, until) if target.platform != "android" else None,
    )
    # Not by the constructor: it warns that tokens are going to be replaced by installation ids (fid). We keep both.
    setattr(message, target.kind, target.address)
    return message


def _android(notice: Notice, collapse: str, lasts: timedelta) -> AndroidConfig:
    return AndroidConfig(
        collapse_key=collapse,
        priority="normal" if notice is Notice.NEWS else "high",
        ttl=timedelta(seconds=max(0, int(lasts.total_seconds()))),
    )


def _apns(notice: Notice, words: str | None, collapse: str, until: datetime) -> APNSConfig:
    headers = {
        "apns-push-type": "alert" if words else "background",
        "apns-priority": "10" if words else "5",
        "apns-collapse-id": collapse,
        "apns-expiration": str(int(until.timestamp())),
    }
    aps = _alert(notice, words) if words else Aps(content_available=True)
    return APNSConfig(headers=headers, payload=APNSPayload(aps))


def _alert(notice: Notice, words: str) -> Aps:
    urgent = TELLING[notice].who in (Who.STAFF, Who.ASKER)
    return Aps(
        alert=ApsAlert(title_loc_key=f"{words}_title", loc_key=f"{words}_body"),
        sound="default",
        mutable_content=True,
        custom_data={"interruption-level": "time-sensitive" if urgent else "active"},
    )
