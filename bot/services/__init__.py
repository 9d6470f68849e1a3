"""Use cases; each opens its own transactions. Imports nothing, so that `parse` stays light."""
