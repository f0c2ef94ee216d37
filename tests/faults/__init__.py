"""What stays true when things die: processes, Telegram, handlers."""
