"""Vector fields: symbolic equations with arrays, the walk over them, files."""
