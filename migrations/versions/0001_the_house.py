"""The house: the common ground, and the two sides."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    for schema in ("agency", "identified", "anonymous"):
        op.execute(f"CREATE SCHEMA {schema}")
    op.create_table(
        "agency",
        sa.Column("one", sa.Boolean(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("topics", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("crisis_lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("resources", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("notice", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("policy", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("one", name=op.f("agency_one_check")),
        sa.PrimaryKeyConstraint("one", name=op.f("agency_pkey")),
        schema="agency",
    )
    op.create_table(
        "bulletin_key",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("bulletin_key_pkey")),
        schema="agency",
    )
    op.create_table(
        "cohort",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("cohort_pkey")),
        sa.UniqueConstraint("slug", name=op.f("cohort_slug_key")),
        schema="agency",
    )
    op.create_table(
        "integration_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("integration_key_pkey")),
        sa.UniqueConstraint("key_hash", name=op.f("integration_key_key_hash_key")),
        schema="agency",
    )
    op.create_index(
        "integration_key_name_in_use",
        "integration_key",
        ["name"],
        unique=True,
        schema="agency",
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table(
        "job",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("args", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("died_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("job_pkey")),
        schema="agency",
    )
    op.create_index(
        "job_key",
        "job",
        ["kind", "key"],
        unique=True,
        schema="agency",
        postgresql_where=sa.text("key IS NOT NULL AND died_at IS NULL"),
    )
    op.create_index(
        "job_ready", "job", ["run_at"], unique=False, schema="agency", postgresql_where=sa.text("died_at IS NULL")
    )
    op.create_table(
        "record_document",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('agency', 'keys', 'bulletin', 'publication', 'receipts')", name=op.f("record_document_kind_check")
        ),
        sa.PrimaryKeyConstraint("sequence", name=op.f("record_document_pkey")),
        sa.UniqueConstraint("hash", name=op.f("record_document_hash_key")),
        schema="agency",
    )
    op.create_table(
        "record_key",
        sa.Column("one", sa.Boolean(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("one", name=op.f("record_key_one_check")),
        sa.PrimaryKeyConstraint("one", name=op.f("record_key_pkey")),
        schema="agency",
    )
    op.create_table(
        "sign_in_attempt",
        sa.Column("name_hash", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("window_ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name_hash", name=op.f("sign_in_attempt_pkey")),
        schema="agency",
    )
    op.create_table(
        "static_file",
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("path", name=op.f("static_file_pkey")),
        schema="agency",
    )
    op.create_table(
        "feedback",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("helped", sa.Text(), nullable=False),
        sa.Column("would_ask_again", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("feedback_pkey")),
        schema="anonymous",
    )
    op.create_table(
        "spent_pass",
        sa.Column("pass_hash", sa.LargeBinary(), nullable=False),
        sa.Column("forget_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("pass_hash", name=op.f("spent_pass_pkey")),
        schema="anonymous",
    )
    op.create_table(
        "sign_in_attempt",
        sa.Column("name_hash", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("window_ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name_hash", name=op.f("sign_in_attempt_pkey")),
        schema="identified",
    )
    op.create_table(
        "voucher",
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("voucher_pkey")),
        schema="identified",
    )
    op.create_table(
        "facility",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("cohort_id", sa.Uuid(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["cohort_id"], ["agency.cohort.id"], name=op.f("facility_cohort_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("facility_pkey")),
        sa.UniqueConstraint("slug", name=op.f("facility_slug_key")),
        schema="agency",
    )
    op.create_table(
        "idempotent_answer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("integration_key_id", sa.Uuid(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["integration_key_id"],
            ["agency.integration_key.id"],
            name=op.f("idempotent_answer_integration_key_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("idempotent_answer_pkey")),
        sa.UniqueConstraint(
            "integration_key_id",
            "idempotency_key",
            name=op.f("idempotent_answer_integration_key_id_idempotency_key_key"),
        ),
        schema="agency",
    )
    op.create_table(
        "issuer_key",
        sa.Column("key_id", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("cohort_id", sa.Uuid(), nullable=True),
        sa.Column("spki", sa.LargeBinary(), nullable=False),
        sa.Column("draws_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("draws_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("spends_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("spends_until", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("purpose IN ('check-in', 'assessment', 'support')", name=op.f("issuer_key_purpose_check")),
        sa.ForeignKeyConstraint(["cohort_id"], ["agency.cohort.id"], name=op.f("issuer_key_cohort_id_fkey")),
        sa.PrimaryKeyConstraint("key_id", name=op.f("issuer_key_pkey")),
        schema="agency",
    )
    op.create_index(
        "issuer_key_one_a_period",
        "issuer_key",
        ["purpose", "period", sa.literal_column("coalesce(cohort_id, '00000000-0000-0000-0000-000000000000')")],
        unique=True,
        schema="agency",
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("facility_id", sa.Uuid(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("severity IN ('moderate', 'serious', 'severe')", name=op.f("incident_severity_check")),
        sa.CheckConstraint("ended_at >= started_at", name=op.f("incident_ends_after_start_check")),
        sa.ForeignKeyConstraint(["facility_id"], ["agency.facility.id"], name=op.f("incident_facility_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("incident_pkey")),
        sa.UniqueConstraint("number", name=op.f("incident_number_key")),
        schema="agency",
    )
    op.create_table(
        "staff",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("first_name", sa.Text(), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("facility_id", sa.Uuid(), nullable=False),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("topics", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("profile", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("shows", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["facility_id"], ["agency.facility.id"], name=op.f("staff_facility_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("staff_pkey")),
        sa.UniqueConstraint("slug", name=op.f("staff_slug_key")),
        schema="agency",
    )
    op.create_table(
        "unit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("facility_id", sa.Uuid(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["facility_id"], ["agency.facility.id"], name=op.f("unit_facility_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("unit_pkey")),
        sa.UniqueConstraint("slug", name=op.f("unit_slug_key")),
        schema="agency",
    )
    op.create_index(op.f("unit_facility_id_idx"), "unit", ["facility_id"], unique=False, schema="agency")
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("passphrase_hash", sa.Text(), nullable=False),
        sa.Column("recovery_hash", sa.LargeBinary(), nullable=False),
        sa.Column("facility_id", sa.Uuid(), nullable=False),
        sa.Column("lapses_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["facility_id"], ["agency.facility.id"], name=op.f("account_facility_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("account_pkey")),
        sa.UniqueConstraint("name", name=op.f("account_name_key")),
        schema="identified",
    )
    op.create_table(
        "private_key",
        sa.Column("key_id", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["agency.issuer_key.key_id"], name=op.f("private_key_key_id_fkey")),
        sa.PrimaryKeyConstraint("key_id", name=op.f("private_key_pkey")),
        schema="identified",
    )
    op.create_table(
        "availability",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("quiet_from", sa.Time(), nullable=True),
        sa.Column("quiet_to", sa.Time(), nullable=True),
        sa.Column("rests_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cap", sa.Integer(), nullable=False),
        sa.CheckConstraint("state IN ('reachable', 'on post', 'away')", name=op.f("availability_state_check")),
        sa.CheckConstraint("cap BETWEEN 0 AND 20", name=op.f("availability_cap_check")),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["agency.staff.id"], name=op.f("availability_staff_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("availability_pkey")),
        schema="agency",
    )
    op.create_table(
        "command",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("unit_id <> parent_id", name=op.f("command_no_own_parent_check")),
        sa.ForeignKeyConstraint(["parent_id"], ["agency.unit.id"], name=op.f("command_parent_id_fkey")),
        sa.ForeignKeyConstraint(["unit_id"], ["agency.unit.id"], name=op.f("command_unit_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("command_pkey")),
        schema="agency",
    )
    op.create_index(
        "command_one_parent_now",
        "command",
        ["unit_id"],
        unique=True,
        schema="agency",
        postgresql_where=sa.text("until IS NULL"),
    )
    op.create_table(
        "incident_staff",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["agency.incident.id"], name=op.f("incident_staff_incident_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["agency.staff.id"], name=op.f("incident_staff_staff_id_fkey")),
        sa.PrimaryKeyConstraint("incident_id", "staff_id", name=op.f("incident_staff_pkey")),
        schema="agency",
    )
    op.create_table(
        "incident_unit",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["agency.incident.id"], name=op.f("incident_unit_incident_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["agency.unit.id"], name=op.f("incident_unit_unit_id_fkey")),
        sa.PrimaryKeyConstraint("incident_id", "unit_id", name=op.f("incident_unit_pkey")),
        schema="agency",
    )
    op.create_table(
        "invitation",
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["agency.staff.id"], name=op.f("invitation_staff_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("invitation_pkey")),
        schema="agency",
    )
    op.create_index(op.f("invitation_staff_id_idx"), "invitation", ["staff_id"], unique=False, schema="agency")
    op.create_table(
        "post",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("supervises", sa.Boolean(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["agency.staff.id"], name=op.f("post_staff_id_fkey")),
        sa.ForeignKeyConstraint(["unit_id"], ["agency.unit.id"], name=op.f("post_unit_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("post_pkey")),
        schema="agency",
    )
    op.create_index(
        "post_once_now",
        "post",
        ["staff_id", "unit_id", "supervises"],
        unique=True,
        schema="agency",
        postgresql_where=sa.text("until IS NULL"),
    )
    op.create_table(
        "staff_account",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("passphrase_hash", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["agency.staff.id"], name=op.f("staff_account_staff_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("staff_account_pkey")),
        schema="agency",
    )
    op.create_table(
        "staff_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("family_hash", sa.LargeBinary(), nullable=False),
        sa.Column("access_hash", sa.LargeBinary(), nullable=False),
        sa.Column("access_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refresh_hash", sa.LargeBinary(), nullable=False),
        sa.Column("spent_refresh_hash", sa.LargeBinary(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["agency.staff.id"], name=op.f("staff_session_staff_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("staff_session_pkey")),
        sa.UniqueConstraint("access_hash", name=op.f("staff_session_access_hash_key")),
        sa.UniqueConstraint("family_hash", name=op.f("staff_session_family_hash_key")),
        schema="agency",
    )
    op.create_index(op.f("staff_session_staff_id_idx"), "staff_session", ["staff_id"], unique=False, schema="agency")
    op.create_table(
        "support_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("pass_hash", sa.LargeBinary(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("urgency", sa.Text(), nullable=False),
        sa.Column("topics", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("ways", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.Column("notice_version", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("tell_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("unread", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("feedback_given", sa.Boolean(), nullable=False),
        sa.Column("deletes_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'accepted', 'talking', 'closed', 'withdrawn')", name=op.f("support_request_state_check")
        ),
        sa.CheckConstraint("urgency IN ('now', 'today', 'routine')", name=op.f("support_request_urgency_check")),
        sa.ForeignKeyConstraint(["incident_id"], ["agency.incident.id"], name=op.f("support_request_incident_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("support_request_pkey")),
        sa.UniqueConstraint("pass_hash", name=op.f("support_request_pass_hash_key")),
        sa.UniqueConstraint("secret_hash", name=op.f("support_request_secret_hash_key")),
        schema="anonymous",
    )
    op.create_table(
        "draw",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.LargeBinary(), nullable=False),
        sa.Column("blinded_hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "number BETWEEN 1 AND CASE purpose WHEN 'support' THEN 20 ELSE 1 END", name=op.f("draw_quota_check")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["identified.account.id"], name=op.f("draw_account_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["key_id"], ["agency.issuer_key.key_id"], name=op.f("draw_key_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("draw_pkey")),
        sa.UniqueConstraint("account_id", "blinded_hash", name=op.f("draw_account_id_blinded_hash_key")),
        sa.UniqueConstraint(
            "account_id", "purpose", "period", "number", name=op.f("draw_account_id_purpose_period_number_key")
        ),
        schema="identified",
    )
    op.create_index(op.f("draw_key_id_idx"), "draw", ["key_id"], unique=False, schema="identified")
    op.create_table(
        "session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("family_hash", sa.LargeBinary(), nullable=False),
        sa.Column("access_hash", sa.LargeBinary(), nullable=False),
        sa.Column("access_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refresh_hash", sa.LargeBinary(), nullable=False),
        sa.Column("spent_refresh_hash", sa.LargeBinary(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["identified.account.id"], name=op.f("session_account_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("session_pkey")),
        sa.UniqueConstraint("access_hash", name=op.f("session_access_hash_key")),
        sa.UniqueConstraint("family_hash", name=op.f("session_family_hash_key")),
        schema="identified",
    )
    op.create_index(op.f("session_account_id_idx"), "session", ["account_id"], unique=False, schema="identified")
    op.create_table(
        "device",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("address_kind", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("seen_on", sa.Date(), nullable=False),
        sa.Column("works", sa.Boolean(), nullable=False),
        sa.CheckConstraint("address_kind IN ('fid', 'token')", name=op.f("device_address_kind_check")),
        sa.CheckConstraint("platform IN ('android', 'ios')", name=op.f("device_platform_check")),
        sa.ForeignKeyConstraint(
            ["session_id"], ["agency.staff_session.id"], name=op.f("device_session_id_fkey"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["agency.staff.id"], name=op.f("device_staff_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("device_pkey")),
        sa.UniqueConstraint("address", name=op.f("device_address_key")),
        schema="agency",
    )
    op.create_index(op.f("device_staff_id_idx"), "device", ["staff_id"], unique=False, schema="agency")
    op.create_table(
        "conversation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("ending", sa.Text(), nullable=True),
        sa.Column("opening", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("staff_unread", sa.Boolean(), nullable=False),
        sa.Column("idle_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "ending IN ('done', 'handed over', 'continued elsewhere', 'no answer', 'lapsed', 'withdrawn')",
            name=op.f("conversation_ending_check"),
        ),
        sa.CheckConstraint("state IN ('waiting', 'open', 'closed')", name=op.f("conversation_state_check")),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["anonymous.support_request.id"],
            name=op.f("conversation_request_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["agency.staff.id"], name=op.f("conversation_staff_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("conversation_pkey")),
        sa.UniqueConstraint("request_id", "number", name=op.f("conversation_request_id_number_key")),
        schema="anonymous",
    )
    op.create_index(
        "conversation_one_open",
        "conversation",
        ["request_id"],
        unique=True,
        schema="anonymous",
        postgresql_where=sa.text("state <> 'closed'"),
    )
    op.create_index(op.f("conversation_staff_id_idx"), "conversation", ["staff_id"], unique=False, schema="anonymous")
    op.create_table(
        "offer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'accepted', 'declined', 'expired', 'lapsed', 'cancelled', 'handed over')",
            name=op.f("offer_state_check"),
        ),
        sa.ForeignKeyConstraint(
            ["request_id"], ["anonymous.support_request.id"], name=op.f("offer_request_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["agency.staff.id"], name=op.f("offer_staff_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("offer_pkey")),
        schema="anonymous",
    )
    op.create_index(
        "offer_accepted_once",
        "offer",
        ["request_id"],
        unique=True,
        schema="anonymous",
        postgresql_where=sa.text("state = 'accepted'"),
    )
    op.create_index(
        "offer_open_once",
        "offer",
        ["request_id", "staff_id"],
        unique=True,
        schema="anonymous",
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(op.f("offer_request_id_idx"), "offer", ["request_id"], unique=False, schema="anonymous")
    op.create_index(op.f("offer_staff_id_idx"), "offer", ["staff_id"], unique=False, schema="anonymous")
    op.create_table(
        "place",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.CheckConstraint("role IN ('peer', 'clinician')", name=op.f("place_role_check")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["anonymous.support_request.id"], name=op.f("place_request_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["agency.staff.id"], name=op.f("place_staff_id_fkey")),
        sa.PrimaryKeyConstraint("request_id", "position", name=op.f("place_pkey")),
        schema="anonymous",
    )
    op.create_table(
        "wake",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("address_kind", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.CheckConstraint("address_kind IN ('fid', 'token')", name=op.f("wake_address_kind_check")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["anonymous.support_request.id"], name=op.f("wake_request_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("wake_pkey")),
        schema="anonymous",
    )
    op.create_table(
        "message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("counter", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("sender IN ('asker', 'staff')", name=op.f("message_sender_check")),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["anonymous.conversation.id"],
            name=op.f("message_conversation_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("message_pkey")),
        sa.UniqueConstraint("conversation_id", "place", name=op.f("message_conversation_id_place_key")),
        sa.UniqueConstraint(
            "conversation_id", "sender", "counter", name=op.f("message_conversation_id_sender_counter_key")
        ),
        schema="anonymous",
    )


def downgrade() -> None:
    op.drop_table("message", schema="anonymous")
    op.drop_table("wake", schema="anonymous")
    op.drop_table("place", schema="anonymous")
    op.drop_index(op.f("offer_staff_id_idx"), table_name="offer", schema="anonymous")
    op.drop_index(op.f("offer_request_id_idx"), table_name="offer", schema="anonymous")
    op.drop_index("offer_open_once", table_name="offer", schema="anonymous", postgresql_where=sa.text("state = 'open'"))
    op.drop_index(
        "offer_accepted_once", table_name="offer", schema="anonymous", postgresql_where=sa.text("state = 'accepted'")
    )
    op.drop_table("offer", schema="anonymous")
    op.drop_index(op.f("conversation_staff_id_idx"), table_name="conversation", schema="anonymous")
    op.drop_index(
        "conversation_one_open",
        table_name="conversation",
        schema="anonymous",
        postgresql_where=sa.text("state <> 'closed'"),
    )
    op.drop_table("conversation", schema="anonymous")
    op.drop_index(op.f("device_staff_id_idx"), table_name="device", schema="agency")
    op.drop_table("device", schema="agency")
    op.drop_index(op.f("session_account_id_idx"), table_name="session", schema="identified")
    op.drop_table("session", schema="identified")
    op.drop_index(op.f("draw_key_id_idx"), table_name="draw", schema="identified")
    op.drop_table("draw", schema="identified")
    op.drop_table("support_request", schema="anonymous")
    op.drop_index(op.f("staff_session_staff_id_idx"), table_name="staff_session", schema="agency")
    op.drop_table("staff_session", schema="agency")
    op.drop_table("staff_account", schema="agency")
    op.drop_index("post_once_now", table_name="post", schema="agency", postgresql_where=sa.text("until IS NULL"))
    op.drop_table("post", schema="agency")
    op.drop_index(op.f("invitation_staff_id_idx"), table_name="invitation", schema="agency")
    op.drop_table("invitation", schema="agency")
    op.drop_table("incident_unit", schema="agency")
    op.drop_table("incident_staff", schema="agency")
    op.drop_index(
        "command_one_parent_now", table_name="command", schema="agency", postgresql_where=sa.text("until IS NULL")
    )
    op.drop_table("command", schema="agency")
    op.drop_table("availability", schema="agency")
    op.drop_table("private_key", schema="identified")
    op.drop_table("account", schema="identified")
    op.drop_index(op.f("unit_facility_id_idx"), table_name="unit", schema="agency")
    op.drop_table("unit", schema="agency")
    op.drop_table("staff", schema="agency")
    op.drop_table("incident", schema="agency")
    op.drop_index("issuer_key_one_a_period", table_name="issuer_key", schema="agency")
    op.drop_table("issuer_key", schema="agency")
    op.drop_table("idempotent_answer", schema="agency")
    op.drop_table("facility", schema="agency")
    op.drop_table("voucher", schema="identified")
    op.drop_table("sign_in_attempt", schema="identified")
    op.drop_table("spent_pass", schema="anonymous")
    op.drop_table("feedback", schema="anonymous")
    op.drop_table("static_file", schema="agency")
    op.drop_table("sign_in_attempt", schema="agency")
    op.drop_table("record_key", schema="agency")
    op.drop_table("record_document", schema="agency")
    op.drop_index("job_ready", table_name="job", schema="agency", postgresql_where=sa.text("died_at IS NULL"))
    op.drop_index(
        "job_key", table_name="job", schema="agency", postgresql_where=sa.text("key IS NOT NULL AND died_at IS NULL")
    )
    op.drop_table("job", schema="agency")
    op.drop_index(
        "integration_key_name_in_use",
        table_name="integration_key",
        schema="agency",
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.drop_table("integration_key", schema="agency")
    op.drop_table("cohort", schema="agency")
    op.drop_table("bulletin_key", schema="agency")
    op.drop_table("agency", schema="agency")
    for schema in ("anonymous", "identified", "agency"):
        op.execute(f"DROP SCHEMA {schema}")
