"""Excerpts in answers of a database that cannot make them: it writes the beginning of each text instead."""

import json
import re
from collections.abc import Sequence

from services.excerpts import excerpt
from services.reads.functions import EXCERPT

_MARK = EXCERPT.encode()
_BEGINNING = re.compile(rb'\["' + _MARK + rb'",([0-9]+),("(?:[^"\\]|\\.)*")\]')


def with_excerpts(answers: Sequence[bytes]) -> list[bytes]:
    """Returns the answers with an excerpt for each beginning; see functions.JsonExcerpt."""
    return [_BEGINNING.sub(_made, answer) if _MARK in answer else answer for answer in answers]


def _made(found: re.Match[bytes]) -> bytes:
    return json.dumps(excerpt(json.loads(found[2]), int(found[1])), ensure_ascii=False).encode()
