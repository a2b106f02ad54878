"""Plain reads: answers whose JSON the database writes, one statement for a row and everything below it.

The reads of the other services, through rows, define what is right; these give the same values, or nothing.
"""
