"""The rows of a dataset as columns, and the forms in which others read them."""
