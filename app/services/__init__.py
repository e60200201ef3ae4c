"""The workshops: the only hands on money and tokens.  No Flask; who asks arrives as an argument."""
