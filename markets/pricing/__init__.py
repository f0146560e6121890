"""Pricing rules: what each accepted bid is paid."""
