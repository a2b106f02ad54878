"""Documents of clients: which may be executed, and their limits and costs."""
