"""Models for other programs: the contract of an exporter, finding exporters, writing, running, reading back."""
