package fleetredis

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/redis/rueidis"
)

// primary asks the Sentinel at an address for the address of the primary.
func (b *Backend) primary(l *sharedClient, sentinel string) (address string, err error) {
	client, err := b.connectTo(l, sentinel, rueidis.ClientOption{
		Dialer:            net.Dialer{KeepAlive: never},
		AuthCredentialsFn: credentials(l, b.config.SentinelCredentials),
	})
	if err != nil {
		return "", err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(l.ctx, connectTimeout)
	defer cancel()
	question := client.B().Arbitrary("SENTINEL", "GET-MASTER-ADDR-BY-NAME", b.config.Sentinel).Build()
	reply, err := client.Do(ctx, question).AsStrSlice()
	switch {
	case rueidis.IsRedisNil(err):
		err = fmt.Errorf("the Sentinel knows no primary %q", b.config.Sentinel)
	case err == nil && len(reply) != 2:
		err = errors.New("the Sentinel did not respond with host and port")
	}
	if err != nil {
		return "", fmt.Errorf("%w: %s: %w", errConnect, sentinel, replyError(err))
	}
	return net.JoinHostPort(reply[0], reply[1]), nil
}

// credentials returns what calls a function for a new connection, or nil.
func credentials(l *sharedClient, get func(context.Context) (user, password string, err error)) func(rueidis.AuthCredentialsContext) (rueidis.AuthCredentials, error) {
	if get == nil {
		return nil
	}
	return func(rueidis.AuthCredentialsContext) (rueidis.AuthCredentials, error) {
		ctx, cancel := context.WithTimeout(l.ctx, connectTimeout)
		defer cancel()
		user, password, err := get(ctx)
		if err != nil {
			err = fmt.Errorf("no credentials: %w", err)
		}
		return rueidis.AuthCredentials{Username: user, Password: password}, err
	}
}
