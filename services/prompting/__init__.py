"""Prompts for engines: rows in, a plan out. Pure functions."""
