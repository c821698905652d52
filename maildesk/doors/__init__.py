"""The ways mail comes in. Each translates a protocol to `inbox.accept` and its outcome back; no door knows another."""
