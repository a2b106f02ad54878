"""How each field gets its value: plain functions over services. Knows nothing of the API's types."""
