"""The outside, behind the Protocols of `bot.ports`: vendor errors die here (DESIGN.md, "Errors").

tweepy, stripe and requests are imported in this package alone. Importing the package itself
imports none of them.
"""
