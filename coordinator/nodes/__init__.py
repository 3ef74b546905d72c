"""Who speaks for which node: sessions, and the boots that were heard."""
