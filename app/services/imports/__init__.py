"""Rows that come in by file: read apart, understood, checked into staging, written at once."""
