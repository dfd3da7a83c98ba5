"""From finished experiments to tables and figures with honest uncertainty."""
