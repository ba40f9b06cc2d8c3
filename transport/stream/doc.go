// Package stream gets data over a websocket, on which the platform pushes each
// change within milliseconds.
//
//	client, err := ffc.New(ctx, ffc.Config{EnvSecret: secret, Transport: &stream.Transport{}})
//
// A connection that breaks, closes, falls silent or brings what is not JSON is
// replaced, after a pause that grows from one second to one minute, for as long
// as the client lives; the data that is there goes on serving. Only a platform
// that refuses the secret before there is any data ends it. A message that is
// JSON but of no use is passed over, and told to the log once; the data that it
// may have been is asked for again after SilenceTimeout.
//
// Where a proxy does not let websockets pass, a second transport can take over
// until they do:
//
//	&stream.Transport{Fallback: &poll.Transport{}}
//
// All this is for processes that run all the time. For those that are frozen or
// short-lived there is OnDemand: a connection is made when a unit of work begins
// (ffc.Client.Refresh, which ffc.Client.Middleware and package lambda call) and
// the data is too old, for one answer, and nothing runs in between, but for the
// half second at most that closing the connection takes. Unlike the classic
// platform's polling answer, that one has segments.
//
// Programs in which FIPS 140-3 is enforced can use the package: only the check
// of the websocket's handshake, for which the standard has SHA-1, is exempt.
//
// Caveats: each reconnect transfers all data anew, as changes would leave out
// what was archived meanwhile. A client that is closed while net/http dials
// leaves that dial behind, until the dialler's own timeout at the latest.
package stream
