"""Reads a lake's Parquet files with DuckDB and with PyArrow, and compares both with the NDJSON that they were made from.

Usage: read_lake.py LAKE COLUMNS

COLUMNS is the output of `ualstream columns`. Prints one line of JSON with the counts. Fails when an event is missing, duplicated or
changed, or when DuckDB finds other columns than the Glue tables declare.
"""

import collections
import datetime
import json
import pathlib
import sys

import duckdb
import pyarrow
import pyarrow.parquet
from query_lake import duckdb_type

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

# Attributes that hold any JSON value, as text.
FREE = {"unmapped", "data"}


def canonical(event: dict) -> str:
    return json.dumps(event, sort_keys=True)


def milliseconds(value) -> int:
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value)
    return (value - EPOCH) // datetime.timedelta(milliseconds=1)


def plain(name: str, value, kind: pyarrow.DataType):
    """A value as it was in the event: without nulls, times as numbers, free-form parts parsed."""
    if pyarrow.types.is_timestamp(kind):
        return milliseconds(value)
    if pyarrow.types.is_struct(kind):
        members = ((field.name, value[field.name], field.type) for field in kind)
        return {name: plain(name, of, kind) for name, of, kind in members if of is not None}
    if pyarrow.types.is_list(kind):
        return [None if of is None else plain(name, of, kind.value_type) for of in value]
    if pyarrow.types.is_string(kind) and name in FREE:
        return json.loads(value)
    return value


def put_back(event: dict, attributes: set) -> dict:
    """The event with what has no column where it was: it stands in `unmapped`, under the path that led to it."""
    unmapped = event.get("unmapped", {})
    for path in [path for path in unmapped if path.split(".")[0] in attributes]:
        *steps, last = path.split(".")
        place = event
        for step in steps:
            place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
        place[last] = unmapped.pop(path)
    if not unmapped:
        event.pop("unmapped", None)
    return event


def events(rows, schema: pyarrow.Schema, attributes: set) -> collections.Counter:
    whole = pyarrow.struct(list(schema))
    return collections.Counter(canonical(put_back(plain("", row, whole), attributes)) for row in rows)


def check_sorted(rows: list, file: pathlib.Path) -> None:
    times = [row["time"] for row in rows]
    assert times == sorted(times), f"{file}: not sorted by time"
    days = {time.strftime("%Y%m%d") for time in times}
    assert days == {file.parent.name.removeprefix("eventDay=")}, f"{file}: {days}"


def check_columns(database, files: str, declared: list) -> None:
    """Checks that a table's columns have the same names, order and types as those of the files."""
    describe = "DESCRIBE SELECT * FROM read_parquet($files, hive_partitioning = false)"
    found = database.execute(describe, {"files": files}).fetchall()
    as_duckdb = (f"typeof(CAST(NULL AS {duckdb_type(column['Type'])}))" for column in declared)
    types = database.execute(f"SELECT {', '.join(as_duckdb)}").fetchone()
    expected = [(column["Name"], of) for column, of in zip(declared, types)]
    assert [row[:2] for row in found] == expected, f"{files}: {found}, declared are {expected}"


def main() -> None:
    lake = pathlib.Path(sys.argv[1])
    classes = map(json.loads, pathlib.Path(sys.argv[2]).read_text().splitlines())
    declared = {of["source"]: of["columns"] for of in classes}
    written: collections.Counter = collections.Counter()
    attributes: set = set()
    for file in lake.glob("ocsf/**/*.ndjson.*"):
        # gzip or zstd, by the end of the name.
        with pyarrow.input_stream(str(file), compression="detect") as lines:
            for line in lines.read().splitlines():
                event = json.loads(line)
                attributes |= event.keys()
                written[canonical(event)] += 1

    by_arrow: collections.Counter = collections.Counter()
    by_duckdb: collections.Counter = collections.Counter()
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    for source in sorted((lake / "ext").iterdir()):
        schema = None
        for file in source.glob("**/*.parquet"):
            # As a single file: in a data set, the folders' names would become columns.
            table = pyarrow.parquet.ParquetFile(file).read()
            schema = table.schema
            rows = table.to_pylist()
            check_sorted(rows, file)
            by_arrow += events(rows, schema, attributes)
        check_columns(database, f"{source}/**/*.parquet", declared[source.name])
        names = ", ".join(f'"{name}"' for name in schema.names)
        query = f"SELECT to_json(t) FROM (SELECT {names} FROM read_parquet($files, hive_partitioning = true)) t"
        rows = database.execute(query, {"files": f"{source}/**/*.parquet"}).fetchall()
        by_duckdb += events((json.loads(row) for (row,) in rows), schema, attributes)

    for reader, read in {"duckdb": by_duckdb, "pyarrow": by_arrow}.items():
        missing, invented = written - read, read - written
        if missing or invented:
            sys.exit(f"{reader}: missing {missing.most_common(2)}, not written {invented.most_common(2)}")
    counts = {"written": written.total(), "duckdb": by_duckdb.total(), "pyarrow": by_arrow.total()}
    print(json.dumps(counts))


main()
