"""`.env` and `desk.toml` to checked facts; `effective` is the only reader of the environment."""
