"""The commands by theme: studies, data, documents."""
