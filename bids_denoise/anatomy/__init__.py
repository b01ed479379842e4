"""What is where in a head: brain, tissues, template space."""
