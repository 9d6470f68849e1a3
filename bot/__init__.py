"""S-money by tweet: a bot on X that moves money between people."""
