"""What findings and losses say, in English and Chinese: a table of templates for each family."""

from cimkit.messages.say import TEMPLATES, Plain, say, shown, types

__all__ = ["TEMPLATES", "Plain", "say", "shown", "types"]
