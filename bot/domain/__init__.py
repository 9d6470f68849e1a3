"""The rules, pure: standard library only; time and ids are arguments."""
