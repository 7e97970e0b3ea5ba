"""What is made of captured packets."""
