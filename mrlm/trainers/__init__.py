"""What this project adds to TRL's trainers."""
