"""What each page reads, one file a page."""
