//! What a response means: one outcome for every exchange with a server.
