"""GraphQL over HTTP: requests, content negotiation, answers, and streams of results."""
