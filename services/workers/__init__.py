"""Several processes of one server: a supervisor, and the workers that it starts."""
