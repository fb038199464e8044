"""What every recipe does around its trainer."""
