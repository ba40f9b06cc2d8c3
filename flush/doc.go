// Package flush holds the settings of event delivery (Config), the error that
// Client.Flush and Client.Close return (Error), and the counts in
// ffc.Stats.Events (Stats). A Sink takes events instead of the platform.
//
// A client queues events, which are evaluations and metrics, and delivers them
// to the platform at an interval, on Flush and on Close.
//
// Every recorded event is accounted for: it is delivered, still queued, or
// dropped for one of the reasons that Stats counts. Delivery is at least once
// while the process runs: if the response to a request is lost, its events are
// sent again and counted as Resent.
package flush
