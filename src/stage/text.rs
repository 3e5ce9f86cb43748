//! Text from outside: plain, excerpted, sanitised.
