"""Messages and their `buf.validate` rules as JSON Schema."""
