"""What a sweep came to: its points by the criterion, the best marked, as table and figure."""
