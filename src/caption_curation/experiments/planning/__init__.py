"""What an experiment would cost: stages to run, images to draw, room and hours."""
