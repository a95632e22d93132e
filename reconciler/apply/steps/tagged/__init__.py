"""Steps on objects that keep our tags in their metadata: created as pending, filled, confirmed; updated in place."""
