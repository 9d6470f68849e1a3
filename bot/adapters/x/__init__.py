"""X behind the Protocols of `bot.ports`, by tweepy: posting, reading, listening, signing in."""
