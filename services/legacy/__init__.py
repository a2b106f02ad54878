"""Formats of the program that Repartee succeeds: readers for all its forms, and a writer for its JSON files."""

from services.importing.sources import Format
from services.legacy import exports, sources
from services.legacy.forms import Form

FORMAT = Format(
    program="the old program",
    files="a database, a JSON file, or a folder of them",
    forms=tuple(Form),
    recognise=sources.recognise,
    read=sources.read,
    exported_form="legacy-json",
    export=exports.export,
)
