"""What a person types into a search: words, and phrases in quotation marks. There is no syntax beyond that."""

import re

from services import checking
from services.errors import InvalidInput

QUERY_LENGTH = 200
WORD_COUNT = 10
# The index has each three characters that follow one another; it knows no shorter word.
_INDEXED_LENGTH = 3

_WORD = re.compile(r'"([^"]+)"|([^\s"]+)')


def words_of(query: str) -> list[str]:
    """Returns the folded words and phrases that a message must contain, each once. Raises InvalidInput."""
    folded = checking.fold_text(checking.text(query, "query", limit=QUERY_LENGTH))
    found = [(phrase or word).strip() for phrase, word in _WORD.findall(folded)]
    words = [word for word in dict.fromkeys(found) if word]
    if not words:
        raise InvalidInput("The query must contain a word to search for.", "query")
    if len(words) > WORD_COUNT:
        raise InvalidInput(f"Too many words: {len(words)}; the limit is {WORD_COUNT}.", "query")
    return words


def trigrams_of(words: list[str]) -> str:
    """Returns the expression by which FTS5 finds what may contain all words; empty if all words are too short.

    Each trigram is a string in quotation marks, in which FTS5 knows no syntax, and all have to be there.
    """
    trigrams = dict.fromkeys(
        word[start : start + _INDEXED_LENGTH] for word in words for start in range(len(word) - _INDEXED_LENGTH + 1)
    )
    return " ".join(f'"{one}"' for one in trigrams)
