"""A soak: random operations by many clients, with faults, and checks of all that must hold afterwards."""
