"""What all tables share: names of constraints, time with a zone, keys that say nothing."""

import uuid
from datetime import date, datetime
from typing import Annotated, Any, ClassVar

from sqlalchemy import Date, DateTime, LargeBinary, MetaData, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

Key = Annotated[uuid.UUID, mapped_column(Uuid, primary_key=True, default=uuid.uuid4)]
Words = Annotated[list[str], mapped_column(ARRAY(Text))]
Facts = Annotated[dict[str, Any], mapped_column(JSONB)]
FactList = Annotated[list[dict[str, Any]], mapped_column(JSONB)]


class Table(DeclarativeBase):
    """The declarative root; constraint names follow from tables and columns, so that errors can name them."""

    metadata = MetaData(
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "ck": "%(table_name)s_%(constraint_name)s_check",
            "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        }
    )
    type_annotation_map: ClassVar = {
        str: Text,
        bytes: LargeBinary,
        datetime: DateTime(timezone=True),
        date: Date,
    }
