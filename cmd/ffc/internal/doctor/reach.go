package doctor

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"
)

// checkReach checks the connection to each origin of the endpoints.
func (e *examination) checkReach() {
	origins := e.origins()
	if len(origins) == 0 {
		nowhere := (*endpoint)(nil).obstacle()
		e.check("dns", nowhere, nil)
		e.check("tcp", nowhere, nil)
		e.check("tls", nowhere, nil)
	}
	for _, o := range origins {
		e.check("dns", "", func(ctx context.Context) finding { return o.checkDNS(ctx) })
		e.check("tcp", o.down, func(ctx context.Context) finding { return o.checkTCP(ctx) })
		e.check("tls", o.down, func(ctx context.Context) finding { return e.checkTLS(ctx, o) })
	}
}

// through returns a remark about the proxy, if there is one.
func (o *origin) through() string {
	if o.proxy == nil {
		return ""
	}
	return " (the proxy on the way to " + o.host + ")"
}

// checkDNS looks up the address of the host.
func (o *origin) checkDNS(ctx context.Context) finding {
	host, _ := o.dialled()
	if _, err := netip.ParseAddr(host); err == nil {
		return ok("%s is an address%s", host, o.through()).atOnce()
	}
	addresses, err := net.DefaultResolver.LookupHost(ctx, host)
	if err == nil {
		const shown = 4
		more := ""
		if len(addresses) > shown {
			addresses, more = addresses[:shown], ", …"
		}
		return ok("%s%s is %s%s", host, o.through(), strings.Join(addresses, ", "), more)
	}
	o.down = "the address of " + host + " is unknown"
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return fail("check the spelling of the host, and that this network's DNS knows it", "there is no host %s%s", host, o.through())
	}
	return fail("check the DNS settings of this machine, such as /etc/resolv.conf", "the name server does not respond for %s%s", host, o.through())
}

// checkTCP opens a connection and closes it.
func (o *origin) checkTCP(ctx context.Context) finding {
	address := net.JoinHostPort(o.dialled())
	began := time.Now()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err == nil {
		took := time.Since(began)
		_ = conn.Close()
		f := ok("%s%s accepts connections", address, o.through())
		f.took = took
		return f
	}
	o.down = "there is no connection to " + address
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fail("check host and port, and that the platform is running", "nothing listens at %s%s", address, o.through())
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded):
		return fail("check host and port, and whether a firewall or security group lets connections out to it", "%s%s does not respond", address, o.through())
	}
	return fail("check host, port and the network", "no connection to %s%s: %v", address, o.through(), cause(err))
}

// cause is the innermost error of a dial.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Err
	}
	return err
}
