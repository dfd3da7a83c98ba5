"""What annotators mark: categories, records, and the demo's simulated annotators."""
