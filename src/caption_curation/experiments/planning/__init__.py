"""What an experiment would cost: stages to run, images to generate, room and hours."""
