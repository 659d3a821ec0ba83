"""The server's face: REST, the stream, and the lease that lets schedules fire."""
