"""Queries a lake in SQL, over the tables that template.yaml defines for Athena: events and, if there are Parquet files, ual_*.

    query_lake.py LAKE QUERY       prints a table
    query_lake.py LAKE --json      reads queries from standard input, separated by NUL; prints the rows of each as one line of JSON
    query_lake.py LAKE --athena    the same, of queries that are written for Athena

LAKE is a folder or s3://bucket that has ocsf/ in it.
"""

import json
import pathlib
import re
import sys

import duckdb
import sqlglot
from sqlglot import exp

TEMPLATE = pathlib.Path(__file__).parents[2] / "template.yaml"
COLUMN = re.compile(r'^ +- \{Name: "?(\w+)"?, Type: "([^"]+)"', re.MULTILINE)
SCALARS = {"string": "VARCHAR", "int": "INTEGER", "bigint": "BIGINT", "boolean": "BOOLEAN", "double": "DOUBLE",
           "timestamp": "TIMESTAMP WITH TIME ZONE"}


def duckdb_type(hive):
    """`array<struct<name:string>>` as `STRUCT("name" VARCHAR)[]`."""
    if hive.startswith("array<"):
        return duckdb_type(hive[6:-1]) + "[]"
    if hive.startswith("struct<"):
        members = (member.split(":", 1) for member in split_members(hive[7:-1]))
        return "STRUCT(" + ", ".join(f'"{name}" {duckdb_type(of)}' for name, of in members) + ")"
    return SCALARS[hive]


def split_members(text):
    """The commas of a struct that are not inside an inner one."""
    depth, start, parts = 0, 0, []
    for at, char in enumerate(text):
        depth += (char == "<") - (char == ">")
        if char == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return parts + [text[start:]]


def columns():
    table = TEMPLATE.read_text().split("\n  EventsTable:\n", 1)[1]
    table = table.split("          Columns:\n", 1)[1].split("\n\n", 1)[0]
    return {name: duckdb_type(of) for name, of in COLUMN.findall(table)}


def connect(lake):
    connection = duckdb.connect()
    if lake.startswith("s3://"):
        # The same credentials as the AWS command line.
        connection.execute("INSTALL httpfs; LOAD httpfs; INSTALL aws; LOAD aws")
        connection.execute("CREATE SECRET (TYPE s3, PROVIDER credential_chain)")
    listed = ", ".join(f"'{name}': '{of}'" for name, of in columns().items())
    connection.execute(
        f"CREATE VIEW events AS SELECT * FROM read_json('{lake}/ocsf/**/*.ndjson.*', format = 'newline_delimited',"
        f" hive_partitioning = true, hive_types_autocast = false, filename = true, columns = {{{listed}}})"
    )
    connection.execute("SET TimeZone = 'UTC'")
    files = f"glob('{lake}/ext/*/*/*/*/*.parquet')"
    sources = connection.execute(f"SELECT DISTINCT regexp_extract(file, '/ext/([a-z_]+)/', 1) FROM {files}")
    for (source,) in sources.fetchall():
        connection.execute(
            f"CREATE VIEW {source} AS SELECT * FROM read_parquet('{lake}/ext/{source}/*/*/*/*.parquet',"
            " union_by_name = true, hive_partitioning = true, hive_types_autocast = false)"
        )
    return connection


def of_athena(query):
    """The same query for DuckDB, which has other names for an object's path and for `any_match`."""

    def translated(node):
        if isinstance(node, exp.Column) and node.name == "$path":
            return exp.column("filename")
        if isinstance(node, exp.Anonymous) and node.name.lower() == "any_match":
            found = exp.func("list_filter", *node.expressions)
            return exp.paren(exp.GT(this=exp.func("len", found), expression=exp.Literal.number(0)))
        return node

    return sqlglot.parse_one(query, read="athena").transform(translated).sql("duckdb")


def main(lake, query):
    connection = connect(lake.rstrip("/"))
    if query not in ("--json", "--athena"):
        connection.sql(query).show(max_rows=1000)
        return
    for one in sys.stdin.read().split("\0"):
        result = connection.execute(of_athena(one) if query == "--athena" else one)
        names = [column[0] for column in result.description]
        print(json.dumps([dict(zip(names, row)) for row in result.fetchall()], default=str))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
