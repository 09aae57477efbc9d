"""What every phone reads without saying who it is: static bytes, the same for all."""

import marshmallow as ma
from flask import Response

from backend.actions.agency.publishing import StaticName
from backend.api.agency.shelf import File, shelf
from backend.api.fields import Base64
from backend.api.frame import Blueprint, allow, anyone, unchanged
from backend.errors import Unavailable

blueprint = Blueprint("public", __name__, url_prefix="/v1/public", description="The same bytes for everybody")

_FOR_NOW = "public, max-age=5, stale-if-error=86400"
_FOR_GOOD = "public, max-age=31536000, immutable"
_HASH = ma.validate.Regexp("[0-9a-f]{64}")
_SAME = "You have this version already."


class RecordDocumentSchema(ma.Schema):
    """One document of the record. `document` is the JSON that was signed, as a string: its UTF-8 bytes count."""

    sequence = ma.fields.Integer(required=True)
    hash = ma.fields.String(required=True, validate=_HASH)
    document = ma.fields.String(required=True)
    signature = Base64(required=True, least=64, most=64)


class RecordHeadSchema(RecordDocumentSchema):
    """The newest document of all, and the key that signs the record; its fingerprint stands on every voucher."""

    public_key = Base64(required=True, least=32, most=32)


class RecordFileSchema(RecordHeadSchema):
    """The newest document of its kind, with its `body`: JSON as a string, whose SHA-256 the document names."""

    body = ma.fields.String(required=True)


class NewsSchema(ma.Schema):
    """`quarter` counts quarters of an hour since 1970; `tags` are 8 bytes in hex each, sorted."""

    quarter = ma.fields.Integer(required=True)
    tick = ma.fields.Integer(required=True)
    tags = ma.fields.List(ma.fields.String(validate=ma.validate.Regexp("[0-9a-f]{16}")), required=True)


@blueprint.get("/agency")
@allow(anyone)
@blueprint.alt_response(304, description=_SAME)
@blueprint.response(200, RecordFileSchema())
def agency() -> Response:
    """Read what somebody needs before he is enrolled: crisis lines, places, languages, topics, the notice."""
    return _send(_made(StaticName.AGENCY), _FOR_NOW)


@blueprint.get("/keys")
@allow(anyone)
@blueprint.alt_response(304, description=_SAME)
@blueprint.response(200, RecordFileSchema())
def keys() -> Response:
    """Read the keys that passes are signed with, and how many have drawn from each."""
    return _send(_made(StaticName.KEYS), _FOR_NOW)


@blueprint.get("/bulletin")
@allow(anyone)
@blueprint.alt_response(304, description=_SAME)
@blueprint.response(200, RecordFileSchema())
def bulletin() -> Response:
    """Read the bulletin, sealed under the bulletin key."""
    return _send(_made(StaticName.BULLETIN), _FOR_NOW)


@blueprint.get("/news")
@allow(anyone)
@blueprint.alt_response(304, description=_SAME)
@blueprint.response(200, NewsSchema())
def news() -> Response:
    """Read which requests have something unread; only their askers can tell which."""
    return _send(_made(StaticName.NEWS), _FOR_NOW)


@blueprint.get("/record")
@allow(anyone)
@blueprint.alt_response(304, description=_SAME)
@blueprint.response(200, RecordHeadSchema())
def record_head() -> Response:
    """Read the head of the public record."""
    return _send(_made("record"), _FOR_NOW)


@blueprint.get("/record/<int(max=2147483647):sequence>")
@allow(anyone)
@blueprint.alt_response(304, description=_SAME)
@blueprint.response(200, RecordDocumentSchema())
def record_document(sequence: int) -> Response:
    """Read one document of the public record, to follow the chain."""
    return _send(shelf().document(sequence), _FOR_GOOD)


def _made(path: str) -> File:
    file = shelf().file(path)
    if file is None:
        raise Unavailable("This file has not been made yet. Please try again in a moment.")
    return file


def _send(file: File, caching: str) -> Response:
    answer = unchanged(file.etag)
    if answer is None:
        answer = Response(file.body, content_type=file.media_type)
        answer.set_etag(file.etag)
    answer.headers["Cache-Control"] = caching
    return answer
