"""What commands do apart from running the bot: they work on its file, or ask the bot that runs."""
