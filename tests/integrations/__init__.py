"""Tests of what joins connectors: copies between any two systems, streams from the command line."""
