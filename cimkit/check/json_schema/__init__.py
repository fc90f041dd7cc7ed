"""JSON Schema compiled: keywords as SQL over columns and documents; what SQL cannot say goes to jsonschema."""
