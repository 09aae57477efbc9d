"""Vouchers: whoever holds one may enrol, once. Using one deletes it, so that nothing says who used which."""

from datetime import date, datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from backend.codes import hash_code, make_code
from backend.errors import Invalid
from backend.models.identified.accounts import Voucher


def make_vouchers(session: Session, count: int, expires_on: date) -> list[str]:
    """`count` new codes, which are kept as hashes only. They are good before `expires_on`."""
    codes = [make_code() for _ in range(count)]
    rows = [{"code_hash": hash_code(code), "expires_on": expires_on} for code in codes]
    session.execute(insert(Voucher), rows)
    return codes


def check_voucher(session: Session, code: str, now: datetime) -> None:
    """Raises Invalid unless it is good at this moment; says so before anything costly is done."""
    good = select(Voucher.code_hash).where(Voucher.code_hash == hash_code(code), Voucher.expires_on > now.date())
    if session.scalar(good) is None:
        raise _not_good()


def use_voucher(session: Session, code: str, now: datetime) -> None:
    """Use it up; of several at once one succeeds. Unknown, used and expired ones are refused alike (Invalid)."""
    used = (
        delete(Voucher)
        .where(Voucher.code_hash == hash_code(code), Voucher.expires_on > now.date())
        .returning(Voucher.code_hash)
    )
    if session.scalar(used) is None:
        raise _not_good()


def _not_good() -> Invalid:
    return Invalid({"voucher": "This code isn't good. It may be mistyped, used already, or too old: take another one."})
