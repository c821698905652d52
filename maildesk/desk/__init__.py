"""What the desk decides: Mail + Verdict + Facts -> Decision. Pure: no clock, no I/O."""
