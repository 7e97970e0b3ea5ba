"""What is looked for, a file a subject: ``FAULTS``, and ``look(evidence)`` or ``survey(cloud)``. They do not know one another."""
