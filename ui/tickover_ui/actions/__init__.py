"""What can be done in the dashboard: `names` which, `catalogue` how, `routes` by whom."""
