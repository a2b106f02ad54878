"""Finding messages by what they say: keeping the index of texts, and asking it."""
