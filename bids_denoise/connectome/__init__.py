"""Functional connectomes of a run: its parcels, their time series, and what is between them."""
