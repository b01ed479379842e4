"""Where the brain is in a head, of which tissues it is, and where that lies in a template."""
