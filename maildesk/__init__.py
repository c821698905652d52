"""An e-mail ticket desk that runs as one small service. The rooms and their floors: README, "Where do I change"."""

__version__ = "0.1.0"
