"""Access: who may use this server, by which credentials, and how much."""
