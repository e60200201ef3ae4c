"""The doorkeeper: who may do what, and which rows are whose.  Only here."""
