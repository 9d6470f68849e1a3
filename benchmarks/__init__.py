"""What measures speed, side by side with its peers: `make bench`, `make bench ONLY=name`."""
