"""Routes that know which account calls: enrolling, signing in, drawing passes."""
