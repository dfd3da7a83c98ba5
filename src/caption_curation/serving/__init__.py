"""Pages that people work on in a browser: who may use them, and how they are served."""
