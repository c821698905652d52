"""The web door. So far it answers monitors only."""
