"""The web server before the grid: TLS, logins, faults, the control surface."""
