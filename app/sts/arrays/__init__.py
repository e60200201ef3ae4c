"""Whole columns of tokens at once with NumPy: the parts that ``app.sts.batch`` puts together.

Nothing here checks a range that ``batch`` has checked; every part is compared with the plain
implementation on random cases (tests/sts/test_batch.py).
"""
