"""Reports: load, shape, draw.  Read only."""
