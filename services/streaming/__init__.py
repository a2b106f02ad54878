"""Streams of what happens in a conversation, which can be resumed at any cursor."""
