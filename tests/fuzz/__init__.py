"""Bad input for every form and route, thrown by everybody who has a door, and by who has none."""
