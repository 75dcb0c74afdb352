"""A measurement as a line of text: reading gives back what was written, to the bit."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.store.rows import RECORDS, bits, stored

from gnomon.errors import SchemaError
from gnomon.measurements.rows import SCHEMA
from gnomon.store.hot_buffer import row_text


@settings(max_examples=300)
@given(records=st.lists(RECORDS, max_size=5))
def test_lines_read_back_as_they_were_written(records: list[dict[str, Any]]) -> None:
    found = row_text.read([row_text.write(record) for record in records])
    expected = stored(records)
    assert found.schema == expected.schema
    assert found.equals(expected)
    assert bits(found) == bits(expected)


def test_lines_have_every_column() -> None:
    assert list(row_text.COLUMNS) == SCHEMA.names


def test_lines_of_a_newer_version_are_refused() -> None:
    with pytest.raises(SchemaError, match="use the newer gnomon"):
        row_text.read(["x"], layout=row_text.LAYOUT + 1)
