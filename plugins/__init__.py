"""Exporters that come with ssmsym; found by entry points, as any third party's."""
