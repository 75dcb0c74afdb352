"""The Butler side: configuration and formatters, harvest, times of observation, chains.

What leaves this room is plain: Arrow tables, names, UUIDs as bytes, chains. Importing the room itself loads
no Butler; its modules do.
"""
