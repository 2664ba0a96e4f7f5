"""The page on which a network learns step by step, with the chain rule of any weight."""
