"""Where a trip goes: routes and their files, regions, towns, and when it is where."""
