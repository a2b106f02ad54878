"""Imports of other programs' chats, and exports into their formats: the half that knows no format.

A format (see `sources.Format`) is handed to the commands; its readers return what they find as values.
"""
