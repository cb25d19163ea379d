"""A generated city of Shanghai's size: its extract, its study, and how parkgap grows with it."""
