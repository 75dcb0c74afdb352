"""Pure numerics: arrays in, quantities out.

Nothing here sees a Butler, a file or a clock. Every function states the shapes and units that it takes,
what it does with NaN, and where its formula comes from.
"""
