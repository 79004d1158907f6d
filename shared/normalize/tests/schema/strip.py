"""Extracts what a validator of events needs from a schema exported by schema.ocsf.io, in the layout of ocsf-schema-compiler.

usage: strip.py EXPORTED.json STRIPPED.json.gz

Captions and descriptions of attributes are removed; names, types, enums with their captions, requirements, profiles,
siblings and constraints stay. Objects of extensions are named without their extension, as the compiler does.
"""

import gzip
import json
import sys


def bare(name):
    return name.rsplit("/", 1)[-1]


def attribute(of):
    kept = {key: of[key] for key in ("type", "is_array", "requirement", "sibling") if key in of}
    if "object_type" in of:
        kept["object_type"] = bare(of["object_type"])
    profiles = of.get("profiles") or ([of["profile"]] if of.get("profile") else [])
    if profiles:
        kept["profiles"] = [bare(profile) for profile in profiles]
    if "enum" in of:
        kept["enum"] = {key: {"caption": entry["caption"]} for key, entry in of["enum"].items()}
    return kept


def item(of):
    kept = {key: of[key] for key in ("uid", "name", "caption", "category_uid", "constraints") if key in of}
    kept["attributes"] = {name: attribute(entry) for name, entry in of["attributes"].items()}
    return kept


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    types = schema["types"] if "types" in schema else schema["dictionary"]["types"]["attributes"]
    rules = ("type", "regex", "max_len", "range", "values")
    stripped = {
        "version": schema["version"],
        "dictionary": {"types": {"attributes": {name: {key: of[key] for key in rules if key in of} for name, of in types.items()}}},
        "classes": {bare(name): item(of) for name, of in schema["classes"].items()},
        "objects": {bare(name): item(of) for name, of in schema["objects"].items()},
    }
    text = json.dumps(stripped, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    with open(sys.argv[2], "wb") as file:
        file.write(gzip.compress(text.encode(), 9, mtime=0))


main()
