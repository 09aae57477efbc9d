"""Who is enrolled. Nothing here refers to anything anonymous, and nothing anonymous refers to it."""
