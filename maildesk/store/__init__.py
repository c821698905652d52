"""What the desk remembers: rows in one database, and the signing keys beside it."""
