"""Run folders: manifest, arrays, tables, figures; complete or absent."""
