"""Contract tests: the same tests on a fake and on the adapter against the local servers."""
