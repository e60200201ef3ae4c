"""Where the cursor stands once a page is there: a key that comes sooner goes nowhere."""

# Chromium gives the focus with the first picture of a page, which is after the page has loaded.
FOCUSED = "document.activeElement !== document.body"
