"""What all pages share: style, labels, statistics, templates."""
