"""Rows: every function takes a Session and never commits; the services open the transaction."""
