"""Figures of fixed points, reduced models, evidence, branches and fits; needs the extra ``plot``."""
