"""Settlement rules: delivery, remuneration and penalty."""
