"""Signing in, as it looks from outside: the same for staff and for officers."""

import marshmallow as ma

from backend.api.fields import Passphrase, Text


class CredentialsSchema(ma.Schema):
    """Who he says he is, and what shows it."""

    name = Text(required=True, longest=80)
    passphrase = Passphrase(required=True)


class RefreshSchema(ma.Schema):
    """The refresh token, which is spent by this; sent again within 20 seconds it gets the same answer."""

    refresh_token = Text(required=True)


class TokensSchema(ma.Schema):
    """`access_token` is good for `expires_in` seconds; `refresh_token`, once, for the next two."""

    access_token = ma.fields.String(required=True)
    refresh_token = ma.fields.String(required=True)
    expires_in = ma.fields.Integer(required=True)
