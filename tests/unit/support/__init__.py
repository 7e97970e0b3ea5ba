"""What goes into a file for whoever helps, and what does not."""
