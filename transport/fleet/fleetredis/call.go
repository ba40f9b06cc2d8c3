package fleetredis

import (
	"context"
	"errors"

	"github.com/redis/rueidis"
)

// command makes a command. A command is used once.
type command func(rueidis.Client) rueidis.Completed

// do sends a command, and sends it once more if that can help.
func (b *Backend) do(ctx context.Context, build command) (rueidis.RedisMessage, error) {
	return b.doAfter(ctx, new(error), build)
}

// doAfter is do for a command that must not be executed twice. If the command may
// have been executed in the first attempt, maybe is the error of that attempt.
func (b *Backend) doAfter(ctx context.Context, maybe *error, build command) (reply rueidis.RedisMessage, err error) {
	for attempt := 1; ; attempt++ {
		var sent bool
		reply, sent, err = b.try(ctx, build)
		if err == nil || attempt == 2 || !again(err) || ctx.Err() != nil {
			return reply, err
		}
		if sent && !isReply(err) {
			*maybe = err
		}
	}
}

// try sends a command once. sent reports whether the command may have reached the
// server.
func (b *Backend) try(ctx context.Context, build command) (reply rueidis.RedisMessage, sent bool, err error) {
	if err := ctx.Err(); err != nil {
		return reply, false, err
	}
	l, err := b.take(ctx)
	if err != nil {
		return reply, false, err
	}
	reply, err = b.send(ctx, l.client, build)
	if rueidis.IsRedisNil(err) {
		err = nil
	}
	switch {
	case err == nil:
		b.give(l, false)
		return reply, true, nil
	case isReply(err):
		b.give(l, again(err))
		return reply, true, replyError(err)
	case ctx.Err() != nil:
		// The server has not responded in time. Whether the connection still works
		// is unknown: the next call connects again.
		b.give(l, true)
		return reply, true, ctx.Err()
	}
	b.give(l, true)
	if b.done.Err() != nil {
		return reply, true, errClosed
	}
	return reply, !errors.Is(err, errLost) && !errors.Is(err, errNode), connectionError(err)
}
