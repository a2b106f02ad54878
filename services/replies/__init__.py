"""Replies: how they begin, are written by this process, are stopped, and are ended after a crash."""
