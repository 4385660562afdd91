"""Tables of scores that meet the figures of a published index: drawn, bounded, and one central."""
