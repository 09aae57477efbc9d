"""The bulletin key, as it looks from outside: the same for staff and for officers."""

import marshmallow as ma

from backend.api.fields import Base64


class BulletinKeySchema(ma.Schema):
    """AES-256, 32 bytes; `number` says which bulletins it opens."""

    number = ma.fields.Integer(required=True)
    key = Base64(required=True, least=32, most=32)
