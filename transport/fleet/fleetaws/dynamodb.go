package fleetaws

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/valyala/fastjson"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

const (
	// maxItem is the largest value that a DynamoDB writes: with its name 8 units for
	// a consistent read. DynamoDB accepts 400 KB, but a partition, which has 3,000
	// units in a second, serves 30 such items. Larger bodies are several items,
	// each in a partition of its own.
	maxItem = 31 << 10
	// maxItemRead is the largest response with an item, in Base64.
	maxItemRead = 1 << 20
)

// DynamoDBConfig configures a DynamoDB.
type DynamoDBConfig struct {
	// Table is the name or the ARN of the table. Its partition key is the string
	// (type S) "name", and it has no sort key. Required.
	Table string
	// Region is the region of the table. Required.
	Region string
	// Credentials is what S3Config.Credentials is. Required.
	Credentials aws.CredentialsProvider
	// EventuallyConsistent halves what reads cost. A read may then return a value
	// that was replaced less than about a second ago, which readers tolerate. A
	// publisher needs false. A value that is missing is read again consistently, so
	// that a body is found as soon as a head names it.
	EventuallyConsistent bool
	// Endpoint is http(s)://host[:port][/path]: that of a VPC interface endpoint,
	// or of a server with DynamoDB's protocol. "" is
	// https://dynamodb.REGION.amazonaws.com, or that of another partition as in
	// S3Config.
	Endpoint string
	// HTTPClient is what S3Config.HTTPClient is.
	HTTPClient *http.Client
	// Prefix is what the names begin with, before a slash. The default is "ffc".
	Prefix string
}

// DynamoDB is a fleet.Backend on a table of DynamoDB. It may be used concurrently.
// Make one with NewDynamoDB.
//
// Calls have no timeout of their own: give them a context that ends. fleet.Transport
// and relay.Publisher do.
type DynamoDB struct {
	service    *service
	endpoint   url.URL
	table      string
	prefix     string
	consistent bool
}

var (
	_ fleet.Limiter = (*DynamoDB)(nil)
	_ fleet.Pacer   = (*DynamoDB)(nil)
)

// NewDynamoDB returns a DynamoDB. It does not connect. NewDynamoDB fails only if the
// configuration is invalid, and reports all problems at once.
func NewDynamoDB(config DynamoDBConfig) (*DynamoDB, error) {
	c := common{config.Region, config.Credentials, config.Endpoint, config.HTTPClient, config.Prefix}
	endpoint, problems := c.check("dynamodb")
	switch {
	case config.Table == "":
		problems = append(problems, errors.New("missing Table: expected its name"))
	case strings.Trim(config.Table, alphanumeric+".-_:/") != "":
		problems = append(problems, fmt.Errorf("unusable Table %q: expected a name or an ARN", config.Table))
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("fleetaws: DynamoDB: %w", errors.Join(problems...))
	}
	endpoint.Path += "/"
	return &DynamoDB{
		service: c.service("DynamoDB", "dynamodb", jsonFailure), endpoint: *endpoint,
		table: config.Table, prefix: c.prefix, consistent: !config.EventuallyConsistent,
	}, nil
}

// String returns the name of the table.
func (d *DynamoDB) String() string { return "DynamoDB table " + d.table }

// MaxValue implements fleet.Limiter. It returns 31 KiB.
func (d *DynamoDB) MaxValue() int { return maxItem }

// Beat implements fleet.Pacer. It returns 15 s.
func (d *DynamoDB) Beat() time.Duration { return beat }

// CloseIdleConnections closes connections that no call uses. It does nothing if
// DynamoDBConfig.HTTPClient has a Transport that is no *http.Transport.
func (d *DynamoDB) CloseIdleConnections() { d.service.client.suspect() }

// Get implements fleet.Backend. The tag is the version of the item. Get is retried
// once.
func (d *DynamoDB) Get(ctx context.Context, name string) (value []byte, tag string, err error) {
	value, tag, err = d.get(ctx, name, d.consistent)
	if !d.consistent && errors.Is(err, fleet.ErrNotFound) {
		return d.get(ctx, name, true)
	}
	return value, tag, err
}

func (d *DynamoDB) get(ctx context.Context, name string, consistent bool) (value []byte, tag string, err error) {
	b := d.body()
	b = append(b, `,"Key":{"name":{"S":`...)
	b = d.appendName(b, name)
	b = append(b, `}}`...)
	if consistent {
		b = append(b, `,"ConsistentRead":true`...)
	}
	r := d.request("GetItem", append(b, '}'))
	resp, err := d.service.do(ctx, &r)
	if err != nil {
		return nil, "", err
	}
	return parseItem(resp.body)
}

// parseItem returns the value and the version in the response to GetItem.
func parseItem(text []byte) (value []byte, version string, err error) {
	parser := parsers.Get()
	defer parsers.Put(parser)
	parsed, err := parser.ParseBytes(text)
	if err != nil || parsed.Type() != fastjson.TypeObject {
		return nil, "", errNotJSON
	}
	item := parsed.Get("Item")
	if item == nil {
		return nil, "", fleet.ErrNotFound
	}
	if version = string(item.GetStringBytes("version", "S")); version == "" {
		return nil, "", errNoVersion
	}
	encoded := item.GetStringBytes("value", "B")
	value = make([]byte, base64.StdEncoding.DecodedLen(len(encoded)))
	n, err := base64.StdEncoding.Decode(value, encoded)
	if err != nil {
		return nil, "", errNotJSON
	}
	return value[:n], version, nil
}

var parsers fastjson.ParserPool

var (
	errNotJSON   = errors.New("invalid response: expected the JSON of DynamoDB; check Endpoint")
	errNoVersion = errors.New("the item has no version, as another program wrote it: use a table of its own")
)

// Put implements fleet.Backend. It is retried once.
func (d *DynamoDB) Put(ctx context.Context, name string, value []byte) error {
	b, _, err := d.writing(name, value)
	if err != nil {
		return err
	}
	r := d.request("PutItem", append(b, '}'))
	_, err = d.service.do(ctx, &r)
	return err
}

// Swap implements fleet.Backend. It is retried once. If the response to the first
// attempt was lost, Swap reads the version to find out whether that attempt has
// written the value.
func (d *DynamoDB) Swap(ctx context.Context, name string, value []byte, tag string) (newTag string, err error) {
	b, newTag, err := d.writing(name, value)
	if err != nil {
		return "", err
	}
	if tag == "" {
		b = append(b, `,"ConditionExpression":"attribute_not_exists(#a)","ExpressionAttributeNames":{"#a":"name"}}`...)
	} else {
		b = append(b, `,"ConditionExpression":"#a = :v","ExpressionAttributeNames":{"#a":"version"},"ExpressionAttributeValues":{":v":{"S":`...)
		b = append(appendString(b, tag), `}}}`...)
	}
	var maybe error
	r := d.request("PutItem", b)
	_, err = d.service.doAfter(ctx, &r, &maybe)
	switch conflict := responded(err, "ConditionalCheckFailedException"); {
	case conflict && maybe == nil:
		return "", fleet.ErrConflict
	case conflict:
		if _, now, err := d.get(ctx, name, true); err == nil && now == newTag {
			return newTag, nil
		}
		return "", maybe // the first attempt may have been what changed the value
	case err != nil:
		return "", err
	}
	return newTag, nil
}

// Delete implements fleet.Backend. It is retried once.
func (d *DynamoDB) Delete(ctx context.Context, name string) error {
	b := d.body()
	b = append(b, `,"Key":{"name":{"S":`...)
	b = d.appendName(b, name)
	r := d.request("DeleteItem", append(b, `}}}`...))
	_, err := d.service.do(ctx, &r)
	return err
}

// body returns what the bodies of all requests begin with.
func (d *DynamoDB) body() []byte {
	b := make([]byte, 0, 512)
	b = append(b, `{"TableName":`...)
	return appendString(b, d.table)
}

// writing returns the body of the request that writes an item, without its last
// brace, and the version of the item.
func (d *DynamoDB) writing(name string, value []byte) (body []byte, version string, err error) {
	if len(value) > maxItem {
		return nil, "", errValue(len(value), maxItem)
	}
	version = rand.Text()
	b := d.body()
	b = append(b, `,"Item":{"name":{"S":`...)
	b = d.appendName(b, name)
	b = append(b, `},"version":{"S":`...)
	b = appendString(b, version)
	b = append(b, `},"value":{"B":"`...)
	b = base64.StdEncoding.AppendEncode(b, value)
	return append(b, `"}}`...), version, nil
}

// appendName appends the name of an item.
func (d *DynamoDB) appendName(b []byte, name string) []byte {
	return appendString(b, d.prefix+"/"+name)
}

// appendString appends a string as JSON. Bytes that are not UTF-8 become U+FFFD.
// fastjson's encoder would add 17 KiB to a program.
func appendString(b []byte, text string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ':
			b = append(b, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// request returns a request for an operation.
func (d *DynamoDB) request(operation string, body []byte) request {
	header := http.Header{"Content-Type": contentType, "X-Amz-Target": {"DynamoDB_20120810." + operation}}
	return request{
		method: http.MethodPost, url: d.endpoint, header: header, body: body, limit: maxItemRead,
		right: operation + " or KMS",
	}
}

var contentType = []string{"application/x-amz-json-1.0"}

// jsonFailure reads a response of a service with JSON that reports an error. The code
// follows a namespace. It finds the code without a parser, which would add 12 KiB to a
// function that puts events into SQS.
func jsonFailure(text []byte) (code, region string) {
	_, rest, _ := bytes.Cut(text, []byte(`"__type"`))
	_, rest, _ = bytes.Cut(rest, []byte(`"`))
	value, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(value[bytes.LastIndexByte(value, '#')+1:]), ""
}
