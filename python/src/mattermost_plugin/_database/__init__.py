"""The server's database as a DB-API 2.0 module."""
