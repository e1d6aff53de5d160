"""What follows from the contracts for everyone who does not read protos: JSON Schemas and the OpenAPI document."""
