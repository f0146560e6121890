"""Rules by which bid components of a DSO perimeter are limited to its capability."""
