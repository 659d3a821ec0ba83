"""Parts of the Acme company for flowbook."""
