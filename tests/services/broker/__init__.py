"""Tests of the brokers and their wires."""
