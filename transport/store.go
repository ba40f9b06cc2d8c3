package transport

import "time"

// Store is the client's end of a session: it decodes and publishes data, and
// keeps the client's status. All methods may be called concurrently. None does
// I/O or waits for the application.
//
// For each answer of the platform, a session calls Mark, Apply and Confirm:
//
//	asked := store.Mark()               // before the request is sent
//	message := ...                      // sends the request
//	applied, err := store.Apply(message, asked)
//	if err == nil && applied.Held == 0 { // and the answer is complete
//		store.Confirm()
//	}
//
// A session that gets data from an engine that another process writes to calls
// ApplyAsOf and ConfirmAsOf instead of Apply and Confirm. A session that gets the
// platform's messages from a relay calls Apply and ConfirmAsOf.
//
// Package transporttest checks that a session keeps this contract.
type Store interface {
	// Version returns the newest version of any item, in Unix milliseconds, as of
	// the last Confirm, or ConfirmAsOf of data that Apply stored: changes that were
	// pushed since then may be incomplete. If
	// it returns 0, request everything.
	Version() int64
	// Mark returns the present moment on the timeline of the store, see Mark. It
	// is never 0. Take a mark for each request, before the request is sent.
	Mark() Mark
	// Apply stores a data-sync message, or the response to a polling request, and
	// publishes it. asked is the mark of the request. Pass 0 for a message that
	// was pushed, and for a response that may come from a cache. The store keeps
	// message: do not change its bytes afterwards.
	//
	// Apply fails with an *Error of KindData if message cannot be used, or with
	// another error if the client is closed. Then the store is unchanged. Apply
	// never confirms: call Confirm.
	Apply(message []byte, asked Mark) (Applied, error)
	// Confirm notes that the store has what the platform has now: the state
	// becomes OK, and DataAge counts from now. Call Confirm once after each
	// complete answer of which nothing was held back, also if the answer had no
	// new data. A session with an open connection calls Confirm again with each
	// message and pong on the connection, once such an answer came on it.
	Confirm()
	// ApplyAsOf stores data that another process got from the platform, which
	// confirmed the data at asOf, and publishes it. message is a whole data-sync
	// message; ApplyAsOf rejects a patch. ApplyAsOf replaces everything that the
	// store had at the mark asked, whatever the versions, and holds nothing back.
	// The store keeps message. From then on DataAge counts from asOf, unless the
	// store was confirmed later than that: DataAge never goes back. An asOf in
	// the future counts as the present.
	//
	// Version returns 0 until the next Confirm. ApplyAsOf does not change the
	// state: call ConfirmAsOf or Interrupted next. Errors are those of Apply.
	ApplyAsOf(message []byte, asked Mark, asOf time.Time) (Applied, error)
	// ConfirmAsOf notes that the store has what the platform had at asOf. The
	// state becomes OK. DataAge counts from asOf as with ApplyAsOf. Call
	// ConfirmAsOf once after ApplyAsOf, and each time that the same data is
	// confirmed again. It replaces Confirm for the answers of a relay, whose data
	// the platform confirmed at asOf.
	ConfirmAsOf(asOf time.Time)
	// Interrupted notes that the data may be stale, and why: an *Error. The
	// session keeps trying. After ApplyAsOf the client is initialized
	// nevertheless. Ending a session is no failure: do not report it.
	Interrupted(error)
	// Off notes that the session stops for good, and why: an *Error. It is the
	// session's last call of the Store.
	Off(error)
	// Fallback notes whether the data comes from a second transport because the
	// first cannot connect.
	Fallback(active bool)
}

// Applied is the result of Store.Apply.
type Applied struct {
	// Full is true if the message held everything, false if it held changes.
	Full bool
	// Held is the number of flags and segments that the store held back: it keeps
	// its own, because the message has an older version of them, or because the
	// message is full and lacks too many items, or lacks items that are newer
	// than itself. Do not confirm an answer of which something was held back.
	// The store accepts the platform's data when three answers in a row agree
	// about an item over at least 5 min, or the time that a Holder returns.
	Held int
	// Answers is how many answers in a row agree so far about one item, and For
	// is the time between the first and the last of them. If they differ between
	// items, these are the highest.
	Answers int
	For     time.Duration
	// HeldVersion is the newest version that the store has of the items that it
	// held back. To find out at little cost whether another server of the
	// platform has that version, request what is newer than HeldVersion-1.
	HeldVersion int64
}

// Mark is a moment on the timeline of a Store: the moment before a session
// sends a request. With it the store finds out whether an older version in the
// response is just late or means that the platform went back:
//
//	time ------------------------------------------------------------------>
//	 a=1 applied    Mark() = m    a=2 pushed         Apply(response, m)
//	                request sent                     response has a=1
//
// The store got a=2 after m, so the response is just older than the push: a=2
// stays, nothing is held back.
//
//	time ------------------------------------------------------------------>
//	 a=1 applied    a=2 pushed    Mark() = m         Apply(response, m)
//	                              request sent       response has a=1
//
// The store had a=2 at m. The platform responded later than that and still has
// a=1: it may have gone back, so the store holds the item back (Applied.Held).
//
// The zero Mark is before everything: data that is applied with it does not
// replace newer versions. If all data so far came in full messages with the zero
// Mark, as from a cache, the store counts each of them as an answer, which it can
// hold back.
type Mark uint64
