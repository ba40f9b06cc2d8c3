package doctor

import (
	"context"
	"net/url"
	"strings"
)

// checkProxy reports the environment variables that name proxies, and the proxies
// that are used.
func (e *examination) checkProxy(context.Context) finding {
	var seen []string
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"} {
		if value := e.Env(name); value != "" {
			seen = append(seen, name+"="+withoutPassword(name, value))
		}
	}
	for _, o := range e.origins() {
		if o.proxy != nil {
			seen = append(seen, o.host+" is reached through "+o.proxy.Host)
		} else if len(seen) > 0 {
			seen = append(seen, o.host+" is reached directly")
		}
	}
	if len(seen) == 0 {
		return ok("no environment variable names a proxy, and no proxy is used").atOnce()
	}
	return ok("%s", strings.Join(seen, "; ")).atOnce()
}

// withoutPassword returns the value of a variable without user name and password.
func withoutPassword(name, value string) string {
	if strings.EqualFold(name, "no_proxy") {
		return value
	}
	u, err := url.Parse(value)
	switch {
	case err == nil && u.Host != "":
		return u.Scheme + "://" + u.Host
	case strings.Contains(value, "@"):
		return value[strings.LastIndex(value, "@")+1:]
	}
	return value
}
