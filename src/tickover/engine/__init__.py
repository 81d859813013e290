"""What a tick does; knows the port, not the database."""
