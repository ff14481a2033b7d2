"""What people look at: tables, files and maps of a scored trip."""
