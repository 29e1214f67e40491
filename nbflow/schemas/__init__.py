"""Types as JSON schemas, and whether a value fits one: for forms, answers, and what a workflow says of itself."""
