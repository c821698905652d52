"""What a mail is: bytes to values and values to bytes. Pure: no clock, no I/O."""
