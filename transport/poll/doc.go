// Package poll gets data by HTTP requests: on demand, for processes that are
// frozen or short-lived, or at an interval.
//
//	client, err := ffc.New(ctx, ffc.Config{EnvSecret: secret, Transport: &poll.Transport{}})
//
// On demand, the data is brought up to date when a unit of work begins:
// ffc.Client.Refresh (which ffc.Client.Middleware and package lambda call)
// fetches it if it is older than MaxAge, within a budget of time, with one
// request for all who ask at the same time. In between nothing runs and no
// connection is open. When the platform cannot be reached the data that is
// there goes on serving, and is asked for less and less often.
//
// The classic platform's polling answer has flags but no segments: flags that
// use segments need package stream, or a URL that serves snapshots.
package poll
