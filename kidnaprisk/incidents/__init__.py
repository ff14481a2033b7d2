"""What happened: the incident table, its readers, and what each source covers."""
