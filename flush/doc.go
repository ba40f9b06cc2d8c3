// Package flush queues events (evaluations and metrics) and delivers them to
// the platform, when asked or at an interval.
//
// Applications meet it as ffc.Config.Events, which is a Config, and in the
// *Error that Client.Flush returns. The Processor is the client's.
//
// Every recorded event is accounted for: it is delivered, still queued, or
// dropped for one of the reasons that Stats counts. Delivery is at least once
// while the process lives: if the answer to a request is lost, its events are
// sent again, and counted as Resent.
package flush
