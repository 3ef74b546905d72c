"""The plugin's side: connections and pending files become requests, outcomes become what the plugin prints."""
