"""What services do, over users' actors with their scheduler and stores in memory."""
