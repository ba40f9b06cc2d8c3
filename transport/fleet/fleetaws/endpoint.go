package fleetaws

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// common has the settings that the configurations of all services have.
type common struct {
	region      string
	credentials aws.CredentialsProvider
	endpoint    string
	client      *http.Client
	prefix      string
}

// check returns what is wrong, and the URL of the service.
func (c *common) check(id string) (endpoint *url.URL, problems []error) {
	if c.prefix == "" {
		c.prefix = defaultPrefix
	}
	if strings.HasPrefix(c.prefix, "/") || strings.HasSuffix(c.prefix, "/") {
		problems = append(problems, fmt.Errorf("unusable Prefix %q: expected no slash at its ends", c.prefix))
	}
	if c.credentials == nil {
		problems = append(problems, errors.New("missing Credentials: expected an aws.CredentialsProvider"))
	}
	if c.region == "" || strings.Trim(c.region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		problems = append(problems, fmt.Errorf("unusable Region %q: expected a name such as eu-central-1", c.region))
		return &url.URL{}, problems
	}
	address := c.endpoint
	if address == "" {
		address = "https://" + id + "." + c.region + "." + domain(c.region)
	}
	endpoint, err := url.Parse(address)
	if err != nil || endpoint.Scheme != "http" && endpoint.Scheme != "https" || endpoint.Hostname() == "" ||
		endpoint.User != nil || endpoint.RawQuery != "" || endpoint.Fragment != "" {
		// The address is not quoted: it may have a password.
		problems = append(problems, errors.New("unusable Endpoint: expected http(s)://host[:port][/path]"))
		return &url.URL{}, problems
	}
	endpoint.Path = strings.TrimRight(endpoint.Path, "/")
	return endpoint, problems
}

// domain returns the domain of a region's services.
func domain(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "amazonaws.com.cn"
	case strings.HasPrefix(region, "eusc-"):
		return "amazonaws.eu"
	}
	return "amazonaws.com"
}

// service returns what sends requests to the endpoint.
func (c *common) service(name, id string, failure func([]byte) (code, region string)) *service {
	return &service{
		name: name, id: id, region: c.region, credentials: c.credentials, client: newClient(c.client), failure: failure,
		signer: v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }), // paths are escaped once
	}
}
