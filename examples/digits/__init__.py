"""Two classifiers of handwritten digits, trained here and compared scenario by scenario."""
