"""The kernel's face: magics, one display a run, completion."""
