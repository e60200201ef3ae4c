"""STS prepayment tokens (IEC 62055-41): codec, ciphers, keys, security module. Knows only the standard."""
