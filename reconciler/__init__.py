"""Plan and apply for OpenAI assistants."""
