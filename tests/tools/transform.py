"""Expands a template to plain CloudFormation, offline: the SAM transform, the aliases and the short forms of functions.

Usage: transform.py TEMPLATE OUTPUT

Linters miss most faults in a SAM source, such as broad permissions and wrong timeouts. They find them in the expanded template.
"""

import json
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

# The transform refuses local code. It does not check the content of the archive.
CODE_URI = "s3://bucket/code.zip"

# Where sam deploy uploads the templates of nested stacks. Linters warn about a local file.
UPLOADED = "https://s3.amazonaws.com/bucket/"


def expand(template: dict) -> dict:
    if "Transform" not in template:
        return template
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = CODE_URI
            # Only for the build; sam build adds entries of its own.
            resource.pop("Metadata", None)
        if resource["Type"] == "AWS::CloudFormation::Stack":
            resource["Properties"]["TemplateURL"] = UPLOADED + resource["Properties"]["TemplateURL"]
    template.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
    return Translator({}, Parser()).translate(template, {}, {})


def main() -> None:
    source, output = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    with open(output, "w", encoding="utf-8") as file:
        json.dump(expand(template), file, indent=1, default=str)


main()
