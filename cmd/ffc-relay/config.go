package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/nearest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/admin"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
)

// config is a configuration that was read.
type config struct {
	values map[string]value // by path, such as environments.prod.url

	listen            string
	beat, lease, keep time.Duration
	jsonLog           bool
	serving           serving
	queue             string // name of the engine that keeps events
	engines           map[string]engineConfig
	environments      map[string]environmentConfig
	// files: the configuration, or a secret or certificate, is in a file, so it can
	// change while the program runs. Variables cannot.
	files bool
	// broken has the environments that cannot be used, and why.
	broken map[string]error
}

// value is the value of a setting.
type value struct {
	text   string
	source string // where the value is from
	secret bool
}

// engineConfig is an engine. It is comparable: an engine that differs is opened
// again.
type engineConfig struct {
	name                                     string
	url, prefix, user, password              string
	cluster                                  string
	sentinel, sentinelUser, sentinelPassword string
	credentials, inboxPrefix                 string
	caFile, ca                               string // the file, and what is in it
	region, endpoint, bucketOwner            string
	heads, bodies                            *engineConfig
}

// environmentConfig is an environment to publish.
type environmentConfig struct {
	name                                          string
	secret, environment, platform, url, streaming string
	engine                                        string
	mirrors                                       []string
}

// allEngines returns the names of the engine and the mirrors.
func (e *environmentConfig) allEngines() []string { return append([]string{e.engine}, e.mirrors...) }

// load reads the file at path, if it is not "", and the variables, which come first. The
// error has all problems. Problems of a single environment are in config.broken.
func load(path string, environ []string) (*config, error) {
	r := &reader{values: make(map[string]value)}
	if path != "" {
		r.file(path)
	}
	r.variables(environ)
	r.secrets()
	if len(r.problems) > 0 {
		return nil, errors.Join(r.problems...)
	}
	c, err := r.config()
	if err != nil {
		return nil, err
	}
	c.files = path != ""
	for path := range r.values {
		c.files = c.files || path != "keys" && strings.HasSuffix(path, "File")
	}
	return c, nil
}

// noneUsable returns the errors of all environments, if none can be used and no file
// can change that.
func (c *config) noneUsable() error {
	if c.files || len(c.broken) < len(c.environments) {
		return nil
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(c.environments)) {
		errs = append(errs, c.broken[name])
	}
	return errors.Join(errs...)
}

// reader reads a configuration.
type reader struct {
	values   map[string]value
	empty    []string         // engines and environments of the file that have no settings, by path
	broken   map[string]error // by path without the setting
	problems []error
}

func (r *reader) problem(format string, args ...any) {
	r.problems = append(r.problems, fmt.Errorf(format, args...))
}

// file reads the JSON file.
func (r *reader) file(path string) {
	data, err := os.ReadFile(path)
	if err != nil {
		r.problem("cannot read the configuration: %w", err)
		return
	}
	var tree map[string]any
	decoder := json.NewDecoder(bytes.NewReader(data))
	err = decoder.Decode(&tree)
	if err == nil && decoder.Decode(new(any)) != io.EOF {
		err = errors.New("unexpected text after the object")
	}
	if err != nil {
		r.problem("%s: expected a JSON object with settings: %w", path, err)
		return
	}
	top := names(programSettings)
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		group, isGroup := groups()[name]
		if !isGroup {
			r.set(path, "", programSettings, append(top, enginesGroup, environmentsGroup), name, tree[name])
			continue
		}
		named, ok := tree[name].(map[string]any)
		if !ok {
			r.problem("%s: %s: expected an object with names, got %s", path, name, kindOf(tree[name]))
			continue
		}
		for _, item := range slices.Sorted(maps.Keys(named)) {
			members, ok := named[item].(map[string]any)
			if !ok || !isName(item) {
				r.problem("%s: %s.%s: expected a name of letters, digits and hyphens, and an object with settings", path, name, item)
				continue
			}
			if len(members) == 0 {
				r.empty = append(r.empty, name+"."+item+".")
			}
			for _, member := range slices.Sorted(maps.Keys(members)) {
				r.set(path, name+"."+item+".", group, names(group), member, members[member])
			}
		}
	}
}

// isName reports whether an engine or an environment can have a name: variables have
// it in another form.
func isName(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == "" && strings.Trim(name, "-") == name
}

// set sets a value of the file.
func (r *reader) set(path, at string, settings []setting, known []string, name string, v any) {
	s, isFile, ok := find(settings, name)
	if !ok {
		r.problem("%s: unknown setting %s%s%s", path, at, name, nearest.DidYouMean(nearest.Names(name, known)))
		return
	}
	text, ok := v.(string)
	if list, isList := v.([]any); isList && s.list {
		parts := make([]string, len(list))
		ok = true
		for i := range list {
			part, isText := list[i].(string)
			ok = ok && isText
			parts[i] = part
		}
		text = strings.Join(parts, ",")
	}
	if on, isBool := v.(bool); isBool && s.toggle {
		text, ok = strconv.FormatBool(on), true
	}
	if !ok {
		expected := "a text"
		switch {
		case s.list:
			expected = "a list of texts"
		case s.toggle:
			expected = "true or false"
		}
		r.problem("%s: %s%s: expected %s, got %s", path, at, name, expected, kindOf(v))
		return
	}
	r.values[at+name] = value{text, path, s.secret && !isFile}
}

// kindOf names the kind of a JSON value, without the value.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "a text"
	case float64:
		return "a number"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	}
	return "an object"
}

// variables reads the variables.
func (r *reader) variables(environ []string) {
	for _, pair := range slices.Sorted(slices.Values(environ)) {
		full, text, _ := strings.Cut(pair, "=")
		name, ok := strings.CutPrefix(full, prefix)
		if !ok || name == "CONFIG" {
			continue
		}
		at, s, isFile, ok := r.locate(name)
		if !ok {
			r.problem("unknown variable %s%s", full, cmp.Or(nearest.DidYouMean(nearestVariable(name)), `: run "ffc-relay help config" for all settings`))
			continue
		}
		member := s.name
		if isFile {
			member += "File"
		}
		if s.secret { // one form replaces the other
			delete(r.values, at+s.name)
			delete(r.values, at+s.name+"File")
		}
		r.values[at+member] = value{text, full, s.secret && !isFile}
	}
}

// nearestVariable returns the variables that are like an unknown one.
func nearestVariable(name string) []string {
	at, wrote, known := prefix, name, names(programSettings)
	for group, settings := range groups() {
		rest, ok := strings.CutPrefix(name, variable(group)+"_")
		item, member, ok2 := strings.Cut(rest, "_") // an item whose name has hyphens gets no advice
		if ok && ok2 && isName(item) {
			at, wrote, known = prefix+variable(group)+"_"+item+"_", member, names(settings)
		}
	}
	for i := range known {
		known[i] = variable(known[i])
	}
	near := nearest.Names(wrote, known)
	for i := range near {
		near[i] = at + near[i]
	}
	return near
}

// locate returns where the value of a variable belongs.
func (r *reader) locate(name string) (at string, s setting, isFile, ok bool) {
	for _, s := range programSettings {
		if variable(s.name) == name {
			return "", s, false, true
		}
	}
	for group, settings := range groups() {
		rest, ok := strings.CutPrefix(name, variable(group)+"_")
		if !ok {
			continue
		}
		longest := ""
		for _, known := range names(settings) {
			if strings.HasSuffix(rest, "_"+variable(known)) && len(known) > len(longest) {
				longest = known
			}
		}
		item := strings.TrimSuffix(rest, "_"+variable(longest))
		if longest == "" || item == "" {
			return "", setting{}, false, false
		}
		s, isFile, _ := find(settings, longest)
		item = r.itemOf(group, item)
		return group + "." + item + ".", s, isFile, isName(item)
	}
	return "", setting{}, false, false
}

// itemOf returns the name of the engine or environment that a variable is of: that
// of the file, or the variable's own in lower case and with hyphens.
func (r *reader) itemOf(group, item string) string {
	for path := range r.values {
		parts := strings.SplitN(path, ".", 3)
		if len(parts) == 3 && parts[0] == group && variable(parts[1]) == item {
			return parts[1]
		}
	}
	return strings.ToLower(strings.ReplaceAll(item, "_", "-"))
}

// secrets reads the files of secrets and certificates.
func (r *reader) secrets() {
	r.broken = make(map[string]error)
	for _, path := range slices.Sorted(maps.Keys(r.values)) {
		v := r.values[path]
		setting, ok := strings.CutSuffix(path, "File")
		if !ok || strings.HasSuffix(path, ".caFile") {
			continue
		}
		owner := path[:strings.LastIndexByte(path, '.')]
		if _, both := r.values[setting]; both {
			r.broken[owner] = fmt.Errorf("%s and %s exclude each other", setting, path)
			continue
		}
		data, err := os.ReadFile(v.text)
		text := strings.TrimSpace(string(data))
		switch {
		case err != nil:
			r.broken[owner] = fmt.Errorf("%s (from %s): %w", path, v.source, err)
		case text == "":
			r.broken[owner] = fmt.Errorf("%s (from %s): the file %s is empty", path, v.source, v.text)
		default:
			r.values[setting] = value{text, "file " + v.text + ", named by " + v.source, true}
		}
	}
}

// config returns what the values say.
func (r *reader) config() (*config, error) {
	c := &config{
		values: r.values, engines: make(map[string]engineConfig), environments: make(map[string]environmentConfig), broken: make(map[string]error),
		listen: cmp.Or(r.values["listen"].text, ":8030"),
	}
	c.serving, c.queue = r.serving(), r.values["queue"].text
	for name, d := range map[string]*time.Duration{"beat": &c.beat, "lease": &c.lease, "keep": &c.keep, "refresh": &c.serving.refresh} {
		v, ok := r.values[name]
		if !ok {
			continue
		}
		var err error
		if *d, err = time.ParseDuration(v.text); err != nil || *d <= 0 {
			r.problem("%s (from %s): invalid duration %q: expected more than 0, such as 5s or 24h", name, v.source, v.text)
		}
	}
	if c.beat > 0 && c.lease > 0 && c.lease < 2*c.beat {
		r.problem("lease: %v is too short: expected at least two beats, which are %v", c.lease, 2*c.beat)
	}
	switch v := r.values["log"]; v.text {
	case "", "text":
	case "json":
		c.jsonLog = true
	default:
		r.problem("log (from %s): unknown format %q: expected text or json", v.source, v.text)
	}
	brokenEngines := r.engines(c)
	r.environments(c, brokenEngines)
	if len(r.problems) > 0 {
		return nil, errors.Join(r.problems...)
	}
	return c, nil
}

// items returns the names in a group, sorted.
func (r *reader) items(group string) []string {
	found := make(map[string]bool)
	for _, path := range slices.AppendSeq(slices.Clone(r.empty), maps.Keys(r.values)) {
		if parts := strings.SplitN(path, ".", 3); len(parts) == 3 && parts[0] == group {
			found[parts[1]] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// engines adds the engines, and returns those that cannot be used.
func (r *reader) engines(c *config) map[string]error {
	broken := make(map[string]error)
	for _, name := range r.items(enginesGroup) {
		at := enginesGroup + "." + name
		get := func(setting string) string { return r.values[at+"."+setting].text }
		e := engineConfig{
			name: name, url: get("url"), prefix: get("prefix"), user: get("user"), password: get("password"), cluster: get("cluster"), sentinel: get("sentinel"),
			sentinelUser: get("sentinelUser"), sentinelPassword: get("sentinelPassword"), caFile: get("caFile"),
			credentials: get("credentials"), inboxPrefix: get("inboxPrefix"), region: get("region"), endpoint: get("endpoint"), bucketOwner: get("bucketOwner"),
		}
		err := r.broken[at]
		if err == nil && e.url == "" {
			err = fmt.Errorf("%s.url: missing URL: expected %s", at, engineURLs)
		}
		if err == nil && e.caFile != "" {
			var data []byte
			if data, err = os.ReadFile(e.caFile); err != nil {
				err = fmt.Errorf("%s.caFile: %w", at, err)
			}
			e.ca = string(data)
		}
		if err != nil {
			broken[name] = err
		}
		c.engines[name] = e
	}
	for name, e := range c.engines {
		parts, ok := strings.CutPrefix(e.url, "split:")
		if !ok {
			continue
		}
		heads, bodies, _ := strings.Cut(parts, ",")
		h, ok1 := c.engines[heads]
		b, ok2 := c.engines[bodies]
		if !ok1 || !ok2 || strings.HasPrefix(h.url+b.url, "split:") || strings.HasPrefix(b.url, "split:") {
			broken[name] = fmt.Errorf("engines.%s.url: expected split:HEADS,BODIES with the names of two other engines", name)
			continue
		}
		e.heads, e.bodies = &h, &b
		broken[name] = cmp.Or(broken[name], broken[heads], broken[bodies])
		if broken[name] == nil {
			delete(broken, name)
		}
		c.engines[name] = e
	}
	return broken
}

// environments adds the environments.
func (r *reader) environments(c *config, brokenEngines map[string]error) {
	for _, name := range r.items(environmentsGroup) {
		at := environmentsGroup + "." + name
		get := func(setting string) string { return r.values[at+"."+setting].text }
		e := environmentConfig{
			name: name, secret: get("secret"), environment: get("environment"), platform: get("platform"), url: get("url"),
			streaming: get("streamingURL"), engine: cmp.Or(get("engine"), "main"),
		}
		for mirror := range strings.SplitSeq(get("mirrors"), ",") {
			if mirror = strings.TrimSpace(mirror); mirror != "" {
				e.mirrors = append(e.mirrors, mirror)
			}
		}
		err := r.broken[at]
		if err == nil {
			err = e.complete(at)
		}
		for i, engine := range e.allEngines() {
			if err == nil && slices.Contains(e.allEngines()[:i], engine) {
				err = fmt.Errorf("%s.mirrors: the engine %q is named twice: expected mirrors that differ from the engine and from each other", at, engine)
			}
			if _, ok := c.engines[engine]; !ok && err == nil {
				err = c.unknownEngine(at, engine)
			}
			err = errors.Join(err, brokenEngines[engine])
		}
		c.environments[name] = e
		if err != nil {
			c.broken[name] = err
		}
	}
	for _, err := range brokenEngines {
		if !errors.Is(errors.Join(slices.Collect(maps.Values(c.broken))...), err) {
			r.problem("%w", err) // no environment reports it
		}
	}
}

// unknownEngine is the error of an environment whose engine is not configured.
func (c *config) unknownEngine(at, engine string) error {
	if len(c.engines) == 0 {
		return fmt.Errorf("%s: missing engine %q: set %s%s_%s_URL to %s", at, engine, prefix, variable(enginesGroup), variable(engine), engineURLs)
	}
	return fmt.Errorf("%s: unknown engine %q%s", at, engine, hint(engine, c.engines))
}

// hint is the end of a sentence about an unknown name: the names that are like it,
// or else those that there are.
func hint[T any](name string, known map[string]T) string {
	all := slices.Sorted(maps.Keys(known))
	if near := nearest.Names(name, all); len(near) > 0 || len(all) == 0 {
		return nearest.DidYouMean(near)
	}
	return ": the configuration has " + strings.Join(all, ", ")
}

// complete checks an environment, and finds out its name.
func (e *environmentConfig) complete(at string) error {
	if e.platform != "" {
		if _, err := registry.ProtocolOf(e.platform); err != nil {
			return fmt.Errorf("%s.platform: unknown platform %q: expected classic or featbit", at, e.platform)
		}
	}
	if e.secret == "" {
		if e.environment == "" {
			return fmt.Errorf("%s: missing secret: set secret or secretFile, or environment for commands that need no secret", at)
		}
		if p := admin.ProtocolOfEnvironment(e.environment); p != nil && p.EnvironmentIgnoresCase {
			e.environment = strings.ToLower(e.environment)
		}
		return nil
	}
	codec, secret, err := registry.CodecFor(e.platform, e.secret)
	if err != nil {
		return fmt.Errorf("%s.secret: %w", at, err)
	}
	e.secret, e.platform = secret, codec.Name
	e.environment = cmp.Or(codec.Environment(secret), e.environment)
	return nil
}
