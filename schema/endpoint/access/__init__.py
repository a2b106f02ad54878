"""Credentials in requests and sockets, and the address /session, where they are exchanged for a cookie."""
