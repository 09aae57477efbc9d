"""Sheets of vouchers, printed from a terminal."""

import re
from base64 import b64encode
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
import segno
from click.testing import CliRunner, Result

from backend import db
from backend.app import create_app
from backend.cli import main
from backend.cli.vouchers import address, sheet
from backend.clock import now
from backend.codes import make_code
from backend.config import SIDE_VARIABLES, Config
from backend.db import PostgreSQL, Side, transaction
from tests import builders
from tests.builders import PASSPHRASE

SERVER = "https://relief.example.gov"
FINGERPRINT = " ".join(["00ff"] * 16)
SOON = (now().date() + timedelta(days=60)).isoformat()


def print_sheet(urls: dict[Side, str], *options: str) -> Result:
    environment = {SIDE_VARIABLES[side]: url for side, url in urls.items()}
    environment |= {"PUBLIC_URL": SERVER, "SEALING_KEY": b64encode(bytes(32)).decode()}
    return CliRunner().invoke(main, ["vouchers", "print", *options], env=environment)


def codes_on(page: str) -> list[str]:
    return [code.replace("<br>", "") for code in re.findall(r'<p class="code">(.*?)</p>', page)]


@pytest.mark.real
def test_what_is_printed_enrols_and_only_hashes_are_kept(
    clone: dict[Side, str], config: Config, tmp_path: Path
) -> None:
    out = tmp_path / "sheet.html"
    result = print_sheet(clone, "--count", "9", "--expires", SOON, "--out", str(out))
    assert (result.exit_code, out.stat().st_mode & 0o777) == (0, 0o600)
    codes = codes_on(out.read_text())
    assert len(set(codes)) == 9
    with psycopg.connect(clone[Side.OWNER]) as owner:
        kept = owner.execute("SELECT v::text FROM identified.voucher v").fetchall()
    assert len(kept) == 9
    assert not any(code in str(kept) or code.replace("-", "") in str(kept) for code in codes)

    database = PostgreSQL(clone)
    db.use(database)
    with transaction(Side.OWNER) as session:
        builders.facility(session)
    client = create_app(config).test_client()
    wish = {"facility": "north", "passphrase": PASSPHRASE}
    statuses = [client.post("/v1/enrolments", json=wish | {"voucher": code}).status_code for code in codes[:2] * 2]
    database.close()
    assert statuses == [201, 201, 422, 422]


@pytest.mark.real
def test_nothing_is_written_over_and_nothing_kept_of_a_sheet_that_failed(
    clone: dict[Side, str], tmp_path: Path
) -> None:
    out = tmp_path / "sheet.html"
    out.write_text("another sheet")
    result = print_sheet(clone, "--expires", SOON, "--out", str(out))
    assert (result.exit_code, out.read_text()) == (2, "another sheet")
    with psycopg.connect(clone[Side.OWNER]) as owner:
        assert owner.execute("SELECT count(*) FROM identified.voucher").fetchone() == (0,)


def test_a_sheet_that_would_never_be_good_is_refused(tmp_path: Path) -> None:
    result = print_sheet({}, "--expires", now().date().isoformat(), "--out", str(tmp_path / "sheet.html"))
    assert result.exit_code == 2
    assert "never be good" in result.output


def test_each_voucher_carries_all_that_a_phone_needs(tmp_path: Path) -> None:
    codes = [make_code() for _ in range(3)]
    page = sheet(codes, SERVER, FINGERPRINT, date(2027, 1, 31), agency="Corrections & Parole")
    assert codes_on(page) == codes
    for code in codes:
        picture = segno.make(address(SERVER, code, FINGERPRINT), error="m", micro=False)
        (drawn,) = re.findall(r' d="[^"]+"', picture.svg_inline(border=0, lineclass=None))
        assert drawn in page
    for said in ("before 31 January 2027", "relief.example.gov", "00ff 00ff", "Corrections &amp; Parole"):
        assert page.count(said) >= 3


def test_code_and_fingerprint_never_reach_a_server_by_a_browser() -> None:
    code = "4F7QX-9K2MA-00000"
    sent, _, kept = address(SERVER, code, FINGERPRINT).partition("#")
    assert sent == f"{SERVER}/enrol"
    assert kept == f"v=4F7QX9K2MA00000&r={'00ff' * 16}"


def test_a_page_fits_on_a4_and_on_letter_and_needs_nothing_from_anywhere() -> None:
    page = sheet([make_code() for _ in range(17)], SERVER, FINGERPRINT, date(2027, 1, 31))
    sizes = {name: float(size) for name, size in re.findall(r"(margin|rows|columns): ([\d.]+)mm", page)[:3]}
    wide, high = 2 * (sizes["columns"] + sizes["margin"]), 4 * sizes["rows"] + 2 * sizes["margin"]
    for paper_wide, paper_high in ((210, 297), (215.9, 279.4)):
        assert wide <= paper_wide
        assert high <= paper_high
    assert [part.count("<article") for part in page.split("<section")[1:]] == [8, 8, 1]
    assert not re.search(r"(src|href)=|url\(|@import|<script", page)
