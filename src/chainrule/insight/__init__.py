"""What a person sees of a network, computed; drawing is apart."""
