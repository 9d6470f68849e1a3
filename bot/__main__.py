"""`python -m bot` is `smoney`."""

from bot.cli import main

if __name__ == "__main__":
    main(prog_name="smoney")
