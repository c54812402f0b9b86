"""Metrics, bag replay, predictions and reports."""
