"""What can go wrong and is somebody's to know: problems, as RFC 9457 has them.

Problem
├── Malformed      400  the request makes no sense as it stands
│   └── WrongSide  400  an officer's session where nobody may be known
├── Unproven       401  who is calling was not shown
│   ├── Unrecognised    a name, and not what goes with it: the same whether anybody has that name
│   └── SessionEnded    a token that is no longer good
├── Forbidden      403  shown, but not this one's to do
├── Missing        404  not there, or not yours: the same answer
├── Conflict       409  it was possible, and is no more
├── Gone           410  it was there, and its time is over
├── Outdated       412  somebody has changed it meanwhile
├── Invalid        422  understood, and a field is wrong
├── TooMany        429  slow down
├── Busy           503  not now; Retry-After says when
└── Unavailable    503  something that we need is away for a moment
"""

from collections.abc import Mapping


class Problem(Exception):
    """One problem: `kind` is a stable slug, `detail` a sentence for the person who reads it.

    `fields` maps the path of a wrong field to what is wrong with it. Nothing that a caller sent is
    ever repeated in a problem.
    """

    status = 500
    title = "Something went wrong on our side"

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kind)
        self.kind = kind
        self.detail = detail
        self.fields = dict(fields or {})
        self.headers = dict(headers or {})


class Malformed(Problem):
    status = 400
    title = "The request can't be read"


class WrongSide(Malformed):
    title = "An officer's session has no place here"

    def __init__(self) -> None:
        super().__init__(
            "wrong-side",
            "This route must not know who you are. Send the request without your session.",
        )


class Unproven(Problem):
    status = 401
    title = "Please show who is calling"


class Unrecognised(Unproven):
    def __init__(self) -> None:
        super().__init__(
            "not-recognised",
            "The name, or what goes with it, is not right. Please look at both again.",
            headers={"WWW-Authenticate": "Bearer"},
        )


class SessionEnded(Unproven):
    def __init__(self) -> None:
        super().__init__("session-ended", "Please sign in again.", headers={"WWW-Authenticate": "Bearer"})


class Forbidden(Problem):
    status = 403
    title = "Not yours to do"


class Missing(Problem):
    status = 404
    title = "Not found"

    def __init__(self, what: str = "This") -> None:
        super().__init__("not-found", f"{what} does not exist, or is not yours.")


class Conflict(Problem):
    status = 409
    title = "No longer possible"


class Gone(Problem):
    status = 410
    title = "Its time is over"


class Outdated(Problem):
    status = 412
    title = "Somebody was faster"

    def __init__(self, detail: str = "Somebody has changed this meanwhile. Please read it again first.") -> None:
        super().__init__("outdated", detail)


class Invalid(Problem):
    status = 422
    title = "A field needs another look"

    def __init__(self, fields: Mapping[str, str], detail: str = "Please look at the fields named here.") -> None:
        super().__init__("invalid", detail, fields=fields)


class TooMany(Problem):
    status = 429
    title = "Too many tries"

    def __init__(self, seconds: int, detail: str = "Too many tries. Please wait a little.") -> None:
        super().__init__("too-many", detail, headers={"Retry-After": str(seconds)})


class Busy(Problem):
    status = 503
    title = "Busy for a moment"

    def __init__(self, seconds: int = 2) -> None:
        super().__init__(
            "busy",
            "Many people are signing in at once. Please try again.",
            headers={"Retry-After": str(seconds)},
        )


class Unavailable(Problem):
    status = 503
    title = "Away for a moment"

    def __init__(self, detail: str = "The server can't reach its database. Please try again in a moment.") -> None:
        super().__init__("unavailable", detail, headers={"Retry-After": "2"})
