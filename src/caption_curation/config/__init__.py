"""Every parameter, validated before anything expensive runs."""
