package fleetredis

import (
	"context"
	"errors"
	"time"

	"github.com/redis/rueidis"
)

// watchPing is how often a watching connection pings a server that is silent. A
// server that does not respond within connectTimeout is lost.
const watchPing = 10 * time.Second

var errUnsubscribed = errors.New("the server ended the subscription")

// Watch implements fleet.Watcher. It uses a connection of its own, and notices
// within 23 s that the server does not respond any more.
func (b *Backend) Watch(ctx context.Context, name string, changed func()) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	if b.done.Err() != nil {
		b.mu.Unlock()
		return errClosed
	}
	l := b.newSharedClient(watchPing)
	b.mu.Unlock()
	defer l.cancel()
	defer context.AfterFunc(ctx, l.cancel)()
	<-l.ready
	err := l.err
	if err == nil {
		err = receive(l.client, b.key(name), changed)
		if err != nil && !isReply(err) {
			err = connectionError(err)
		}
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case b.done.Err() != nil:
		return errClosed
	case err == nil:
		return errUnsubscribed
	}
	return replyError(err)
}

// receive calls changed when the subscription begins, and for each message, until
// the connection ends.
func receive(client rueidis.Client, channel string, changed func()) error {
	ctx := rueidis.WithOnSubscriptionHook(context.Background(), func(rueidis.PubSubSubscription) { changed() })
	return client.Receive(ctx, client.B().Subscribe().Channel(channel).Build(), func(rueidis.PubSubMessage) { changed() })
}
