"""Sizing of an energy community: the study file, its run, figures and page (SUC01.1)."""
