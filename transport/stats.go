package transport

// Stats counts what a session has done so far.
type Stats struct {
	// Connects counts sockets dialled and requests sent for data.
	Connects uint64
	// Failures counts those of them that brought no data, and sockets that
	// broke.
	Failures uint64
}
