"""Files of the program that this one succeeds: in, all of it and once; and out again, as it came.

A reader (databases, sessions, documents) yields what it finds; the importer keeps it on a shelf, in one
transaction a source.
"""
