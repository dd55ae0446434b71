"""What the tests of exports share: texts that attack, and a check against the schemas."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from origin.export.schema import load_schema

HOSTILE = {
    "quotes": '"\'""\'\' \\" \\',
    "pipes": "| a | b |\n|---|---|",
    "backticks": "```\ncode\n``` ` ``",
    "html": "<script>alert(1)</script><img src=x onerror=y>&lt;",
    "yaml": "---\nlicense: mit\n...\n- !!python/object: x\n# a: {b: [c",
    "formula": "=1+1;@SUM(A1)\t+x\r-y",
    "lines": "a\nb\r\nc\u2028d\u2029e\x85f\x0bg",
    "control": "\x00\x01\x1b[31m\x7f\x9b",
    "bidi": "\u202egnp.exe\u2066\u200b\ufeff",
    "lone": "\ud800 \udfff",
    "pair": "a\ud800\udc00b",
    "astral": "\U00010000\U0010ffff",
    "marked": "\x00utf8:6162",
    "number": "\x00float:nan",
    "long": "é" * 100_000,
    "template": "{{ 7*7 }} {% raw %} ${x} %s {0}",
    "path": "../../etc/passwd\x00/..\\x",
    "json": '{"a": 1}\n',
}


def check_document(text: str) -> Any:
    """A JSON document of ours that fits the schema."""
    told = json.loads(text)
    Draft202012Validator(load_schema("json")).validate(told)
    return told


def check_lines(path: Path) -> list[Any]:
    """The lines of a JSONL file of ours, each of which fits the schema."""
    validator = Draft202012Validator(load_schema("jsonl"))
    lines = [json.loads(line) for line in path.read_bytes().decode("ascii").splitlines()]
    for line in lines:
        validator.validate(line)
    return lines
