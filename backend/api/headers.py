"""What every answer tells a browser not to do, and every cache not to keep."""

from flask import Flask, Response, request

SECURITY = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_A_YEAR = "max-age=31536000; includeSubDomains"


def protect(app: Flask, *, encrypted: bool) -> None:
    """Put them on whatever the application answers; a page that needs more says so itself."""

    @app.after_request
    def put(answer: Response) -> Response:
        for name, value in SECURITY.items():
            answer.headers.setdefault(name, value)
        if encrypted:
            answer.headers.setdefault("Strict-Transport-Security", _A_YEAR)
        if not request.path.startswith("/v1/public/"):
            answer.headers.setdefault("Cache-Control", "no-store")
        return answer
