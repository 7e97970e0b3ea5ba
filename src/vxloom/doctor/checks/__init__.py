"""What is looked for, one file a subject. A file declares ``FAULTS`` and ``look(evidence)``; they do not know one another."""
