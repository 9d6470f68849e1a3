"""What the bot says, in French and English: the one catalogue, and how long a post is."""
