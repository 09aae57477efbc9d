"""Who may touch what. No role but the owner may read both officers' accounts and anything anonymous."""

from alembic import op

revision = "0002"
down_revision = "0001"

READ = "SELECT"
WRITE = "SELECT, INSERT, UPDATE, DELETE"
ADD = "SELECT, INSERT"

GRANTS: dict[str, dict[str, str]] = {
    "relief_identified": {
        "agency.agency": READ,
        "agency.cohort": READ,
        "agency.facility": READ,
        "agency.issuer_key": READ,
        "agency.bulletin_key": READ,
        "identified.voucher": WRITE,
        "identified.account": WRITE,
        "identified.session": WRITE,
        "identified.sign_in_attempt": WRITE,
        "identified.draw": ADD,
        "identified.private_key": READ,
    },
    "relief_anonymous": {
        "agency.agency": READ,
        "agency.cohort": READ,
        "agency.facility": READ,
        "agency.unit": READ,
        "agency.command": READ,
        "agency.staff": "SELECT, UPDATE",
        "agency.post": READ,
        "agency.availability": WRITE,
        "agency.staff_account": WRITE,
        "agency.invitation": WRITE,
        "agency.staff_session": WRITE,
        "agency.device": WRITE,
        "agency.sign_in_attempt": WRITE,
        "agency.incident": "SELECT, INSERT, UPDATE",
        "agency.incident_unit": WRITE,
        "agency.incident_staff": WRITE,
        "agency.integration_key": "SELECT, INSERT, UPDATE",
        "agency.idempotent_answer": WRITE,
        "agency.issuer_key": READ,
        "agency.bulletin_key": READ,
        "agency.record_document": READ,
        "agency.static_file": READ,
        "agency.job": WRITE,
        "anonymous.support_request": WRITE,
        "anonymous.place": WRITE,
        "anonymous.offer": WRITE,
        "anonymous.wake": WRITE,
        "anonymous.conversation": WRITE,
        "anonymous.message": WRITE,
        "anonymous.spent_pass": ADD,
    },
    "relief_worker": {
        "agency.agency": READ,
        "agency.cohort": READ,
        "agency.facility": READ,
        "agency.unit": READ,
        "agency.command": READ,
        "agency.staff": READ,
        "agency.post": READ,
        "agency.availability": READ,
        "agency.device": "SELECT, UPDATE, DELETE",
        "agency.staff_session": "SELECT, DELETE",
        "agency.invitation": "SELECT, DELETE",
        "agency.sign_in_attempt": "SELECT, DELETE",
        "agency.incident": READ,
        "agency.incident_unit": READ,
        "agency.incident_staff": READ,
        "agency.idempotent_answer": "SELECT, DELETE",
        "agency.issuer_key": ADD,
        "agency.bulletin_key": WRITE,
        "agency.record_key": ADD,
        "agency.record_document": "SELECT, INSERT, UPDATE (body)",
        "agency.static_file": WRITE,
        "agency.job": WRITE,
        "anonymous.support_request": WRITE,
        "anonymous.place": WRITE,
        "anonymous.offer": WRITE,
        "anonymous.wake": WRITE,
        "anonymous.conversation": WRITE,
        "anonymous.message": WRITE,
        "anonymous.feedback": "INSERT",
        "anonymous.spent_pass": "SELECT, DELETE",
        "identified.private_key": "INSERT, DELETE",
    },
}

# What the worker needs of the identified side, it is told by functions that tell nothing else.
FUNCTIONS = """
GRANT SELECT (key_id) ON identified.private_key TO relief_worker;

CREATE FUNCTION identified.enrolled() RETURNS TABLE (cohort_id uuid, accounts bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT f.cohort_id, count(*) FROM identified.account a JOIN agency.facility f ON f.id = a.facility_id
    GROUP BY f.cohort_id
$$;

CREATE FUNCTION identified.drawn() RETURNS TABLE (key_id bytea, accounts bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT d.key_id, count(DISTINCT d.account_id) FROM identified.draw d GROUP BY d.key_id
$$;

CREATE FUNCTION identified.forget(today date, moment timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM identified.account WHERE lapses_on <= today;
    DELETE FROM identified.voucher WHERE expires_on <= today;
    DELETE FROM identified.session WHERE expires_at <= moment;
    -- Of the moment at which an account was last used, the day is left: it could stand beside somebody's asking.
    UPDATE identified.session SET
        access_expires_at = date_trunc('day', access_expires_at, 'UTC'),
        rotated_at = date_trunc('day', rotated_at, 'UTC'),
        expires_at = date_trunc('day', expires_at, 'UTC')
    WHERE access_expires_at <= moment AND access_expires_at > date_trunc('day', access_expires_at, 'UTC');
    DELETE FROM identified.sign_in_attempt WHERE window_ends_at <= moment;
    DELETE FROM identified.draw d USING agency.issuer_key k WHERE k.key_id = d.key_id AND k.spends_until <= moment;
$$;

REVOKE ALL ON FUNCTION identified.enrolled(), identified.drawn(), identified.forget(date, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identified.enrolled(), identified.drawn(), identified.forget(date, timestamptz)
    TO relief_worker;
"""


def upgrade() -> None:
    op.execute("GRANT USAGE ON SCHEMA agency TO relief_identified, relief_anonymous, relief_worker")
    op.execute("GRANT USAGE ON SCHEMA identified TO relief_identified, relief_worker")
    op.execute("GRANT USAGE ON SCHEMA anonymous TO relief_anonymous, relief_worker")
    for role, tables in GRANTS.items():
        for table, privileges in tables.items():
            op.execute(f"GRANT {privileges} ON {table} TO {role}")
    op.execute("GRANT SELECT ON public.alembic_version TO relief_identified, relief_anonymous, relief_worker")
    op.execute(FUNCTIONS)


def downgrade() -> None:
    op.execute("DROP FUNCTION identified.enrolled(), identified.drawn(), identified.forget(date, timestamptz)")
    for role, tables in GRANTS.items():
        for table in tables:
            op.execute(f"REVOKE ALL ON {table} FROM {role}")
    op.execute(
        "REVOKE ALL ON SCHEMA agency, identified, anonymous FROM relief_identified, relief_anonymous, relief_worker"
    )
