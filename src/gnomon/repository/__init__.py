"""The Butler side: configuration and formatters, harvest, times of observation, chains.

What leaves this room is plain: Arrow tables, names, UUIDs as bytes, chains. Importing the room itself loads
no Butler; its modules do.
"""

from gnomon.repository.zip_seeking import mend_zip_seeking

# Whoever touches a repository reads quantum graphs, also in the processes of batch jobs.
mend_zip_seeking()
