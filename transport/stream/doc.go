// Package stream gets data over a websocket, on which the platform pushes each
// change within milliseconds. It is for processes that run all the time.
//
//	client, err := ffc.New(ctx, ffc.Config{EnvSecret: secret, Transport: &stream.Transport{}})
//
// A connection that breaks, closes, falls silent or brings nonsense is
// replaced, after a pause that grows from one second to one minute, for as long
// as the client lives; the data that is there goes on serving. Only a platform
// that refuses the secret before there is any data ends it.
//
// Caveats: each reconnect transfers all data anew, as changes would leave out
// what was archived meanwhile. A client that is closed while net/http dials
// leaves that dial behind, until the dialler's own timeout at the latest.
package stream
