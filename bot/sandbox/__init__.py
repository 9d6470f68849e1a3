"""The far side of the wire: local servers that stand for X, the card network and a phone.

Imports nothing else of bot, and the bot imports nothing of it: the two meet over HTTP alone.
"""
