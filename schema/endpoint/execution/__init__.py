"""Execution: from a document to its results."""
