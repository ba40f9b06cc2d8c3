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

// Watch implements fleet.Watcher. See WatchValue.
func (b *Backend) Watch(ctx context.Context, name string, changed func()) error {
	return b.WatchValue(ctx, name, func([]byte) { changed() })
}

// WatchValue implements fleet.ValueWatcher. It uses a connection of its own, and notices
// within 23 s that the server does not respond any more.
func (b *Backend) WatchValue(ctx context.Context, name string, changed func(value []byte)) error {
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
// the connection ends. Publishers of earlier versions send empty messages.
func receive(client rueidis.Client, channel string, changed func(value []byte)) error {
	ctx := rueidis.WithOnSubscriptionHook(context.Background(), func(rueidis.PubSubSubscription) { changed(nil) })
	return client.Receive(ctx, client.B().Subscribe().Channel(channel).Build(), func(m rueidis.PubSubMessage) {
		if m.Message == "" {
			changed(nil)
			return
		}
		changed([]byte(m.Message))
	})
}
