"""`python -m yabot`: the same as the installed command `yabot`."""

from yabot.cli import main

if __name__ == "__main__":
    main()
