"""The OpenAPI document: what it says of the whole, and how callers show who they are."""

from typing import Any

from flask import Flask

from backend.api.frame import Api
from backend.config import Config

INTRODUCTION = """
Relief brings correctional officers together with trained staff peers after critical incidents, and holds nothing that
they are afraid of.

The server has two sides that share no row. On the **identified** side an officer has an account, which can do one
thing that matters: draw *passes*, which the server signs without seeing them (RFC 9578). On the **anonymous** side a
pass is spent without an account, and nobody can tell whose it was. An officer's session is refused there.

| caller | shows | reaches |
| --- | --- | --- |
| officer, enrolling or drawing | a session | `/v1/enrolments`, `/v1/sessions`, `/v1/draws`, `/v1/me` |
| anyone with a pass | the pass | `/v1/anon/…` |
| the asker | the request's secret | `/v1/anon/support-requests` |
| staff: peers, coordinators, clinicians | a session | `/v1/staff/…` |
| another system | an integration key | `/v1/staff/incidents` |
| every phone | nothing | `/v1/public/…` |

Every operation says who may call it (`security`, and by name in `x-callers`). Whatever goes wrong is told as
`application/problem+json` (RFC 9457) in words for the person who reads it; `type` is for the program. What isn't yours
is 404. Times are RFC 3339, bytes are unpadded base64url.
"""


def introduction(config: Config) -> dict[str, Any]:
    """What the document says before its first route."""
    return {
        "info": {"description": INTRODUCTION.strip()},
        "servers": [{"url": config.public_url}],
    }


def name_callers(app: Flask, api: Api) -> None:
    """Put every way of showing who calls, as the routes use them, among the security schemes."""
    ways = {way.name: way for view in app.view_functions.values() for way in getattr(view, "allowed", ())}
    for name in sorted(ways):
        if ways[name].scheme:
            api.spec.components.security_scheme(name, ways[name].scheme)
