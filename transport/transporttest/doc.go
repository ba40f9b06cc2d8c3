// Package transporttest checks that a transport keeps the contract of package
// transport. It is for the tests of transports, those of this module included:
//
//	func TestTransport(t *testing.T) {
//		transporttest.Run(t, func(t testing.TB) transporttest.Source {
//			server := newServer(t)
//			return transporttest.Source{
//				Transport: &mytransport.Transport{URL: server.URL},
//				Publish:   server.Publish,
//				Fail:      server.Fail,
//			}
//		})
//	}
//
// Run runs one subtest for each rule, with a new Source. The rules are:
//
//   - OpenStartsNothing: Open returns a Runner or a Refresher, starts no
//     goroutine and calls no method of the Store. HoldFor of a Holder is
//     positive.
//   - LoadsAndConfirms: a session applies the data once and then confirms it.
//     Load returns nil after that, and confirms exactly once. Stats counts the
//     request.
//   - FollowsChanges: new data arrives. Each request takes a mark of its own.
//   - TakesMarkBeforeAsking: the mark of a request is older than the request.
//   - PassesNoMarkWithPushes: a message that was pushed is applied with mark 0.
//   - WithholdsHeldData: an answer of which the Store held something back is not
//     confirmed, and the session asks again.
//   - ReportsUnusableData: data that the Store rejects is reported as
//     Interrupted with transport.KindData, is not confirmed, and is requested
//     again.
//   - StartsDuringOutage: a session that cannot reach the source reports
//     Interrupted and retries until it has data.
//   - HealsAfterOutage: the same with data. Nothing is confirmed during the
//     outage, and Stats counts the failure.
//   - StopsWhenRejected: if the source rejects the secret before there is data,
//     the session reports Off once, with transport.KindRefused. Run returns, and
//     Load and Refresh fail.
//   - EndsWhileIdle, EndsWhileAsking: Run returns when its context ends, and
//     Close ends calls that are under way. Neither is reported as a failure.
//     Nothing runs afterwards, nothing reaches the Store, and Load and Refresh
//     fail. Load returns when its context ends.
//   - IdlesBetweenCalls: between calls of a Refresher nothing runs.
//   - BoundsRefresh: Refresh returns although the source does not respond.
//   - SharesNothing: sessions of one Transport do not affect each other.
//   - AllowsConcurrentCalls: the methods can be called concurrently. Run the
//     tests with -race to make this rule complete.
//
// These hold in each of them: a session passes only errors of type
// *transport.Error to the Store. It does not call the Store after Off, after Run
// has returned, or after Close has returned. It confirms nothing before the
// Store has everything. It leaves the bytes of messages and Env.HTTPClient as
// they are. No error and no log line contains the secret.
package transporttest
