"""The API's documentation for people, drawn from /openapi.json by Swagger UI, which comes with us: no other host."""

from importlib.resources import files
from pathlib import Path

from flask import Blueprint, Response, abort, send_from_directory

blueprint = Blueprint("docs", __name__, url_prefix="/docs")

_OURS = Path(__file__).parent
_SWAGGER = Path(str(files("flask_swagger_ui") / "dist"))
_FILES = {
    "start.js": _OURS,
    "swagger-ui.css": _SWAGGER,
    "swagger-ui-bundle.js": _SWAGGER,
    "favicon-32x32.png": _SWAGGER,
}
_A_DAY = 86400
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


@blueprint.get("")
def page() -> Response:
    """The page itself."""
    answer = send_from_directory(_OURS, "page.html")
    answer.headers["Content-Security-Policy"] = _POLICY
    return answer


@blueprint.get("/<name>")
def part(name: str) -> Response:
    """A script, a style sheet or a picture of the page."""
    if name not in _FILES:
        abort(404)
    return send_from_directory(_FILES[name], name, max_age=_A_DAY)
