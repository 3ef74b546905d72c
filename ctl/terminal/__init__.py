"""How a command speaks with people and programs: formats, tables, progress, completion."""
