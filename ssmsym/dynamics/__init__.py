"""What a field does: fixed points, slow points, spectra."""
