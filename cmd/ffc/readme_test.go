package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc/internal/local"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda/lambdatest"
)

// TestReadmeRunsAgainstServe: the snippets of the README's quick start are a
// program that prints what they promise, with the flags that ffc serve makes.
func TestReadmeRunsAgainstServe(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	find := snippets(t, "Quick start")
	const transport = "Transport: &stream.Transport{},\n"
	body := strings.Replace(find("ffc.New(ctx"), transport, transport+"BaseURL: baseURL, StartWait: wait,\n", 1)
	connect, rest, ok := strings.Cut(body, "user :=")
	if !ok {
		t.Fatal("the first snippet has no user")
	}
	program := "package main\n" + strings.Replace(find("import ("), "import (", "import (\n\"os\"\n\"time\"\n", 1) + `
func main() {
	wait, err := time.ParseDuration(os.Args[3])
	if err != nil {
		panic(err)
	}
	if err := run(context.Background(), os.Args[1], os.Args[2], wait); err != nil {
		panic(err)
	}
}

func run(ctx context.Context, envSecret, baseURL string, wait time.Duration) error {
` + connect + strings.Replace(find("WaitReady"), "time.Minute", "wait", 1) + find("VariationDetail") + find("client.For(") + "user :=" + rest + "}\n"
	binary := build(t, "quickstart", program)
	t.Run("unreachable", func(t *testing.T) { // the program ends
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		closed := ffctest.NewServer(nil)
		closed.Close()
		out, err := exec.CommandContext(ctx, binary, closed.EnvSecret, closed.URL, "300ms").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "context deadline exceeded") {
			t.Errorf("%v: the program printed\n%s", err, out)
		}
	})
	platforms.Each(t, func(t *testing.T, g ffctest.Platform) {
		secret, url := serveExample(t, g)
		cmd := exec.CommandContext(t.Context(), binary, secret, url, "20s")
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if err != nil || len(lines) != 3 || lines[0] != "blue because of fall through all rules" || !regexp.MustCompile(`^10 (true|false)$`).MatchString(lines[1]) || lines[2] != "the new way" {
			t.Errorf("%v: the program printed\n%s%s", err, out, stderr.String())
		}
		if strings.Contains(stderr.String(), "fallback") {
			t.Errorf("a flag is missing or of another type:\n%s", stderr.String())
		}
	})
}

// TestReadmePlatformsRunAgainstServe: the snippets for Lambda, Cloud Run and FeatBit
// get a flag of the file that ffc serve makes, and deliver its event.
func TestReadmePlatformsRunAgainstServe(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	const onDemand, baseURL = "Transport: &poll.Transport{", "BaseURL: os.Args[3],\n"
	function := strings.Replace(snippets(t, "Where your code runs")("lambda.Start("), onDemand, baseURL+onDemand, 1)
	server := strings.Replace(snippets(t, "Where your code runs")("client.Middleware("), onDemand, baseURL+onDemand, 1)
	featBit := strings.Replace(snippets(t, "FeatBit")("serverKey"), `"http://localhost:5100"`, "os.Args[3]", 1)
	binary := build(t, "platforms", `package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

var snapshot []byte

func main() {
	run := map[string]func(ctx context.Context, secret string) error{"function": function, "server": server, "featbit": featBit}[os.Args[1]]
	if err := run(context.Background(), os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func function(context.Context, string) error {
`+function+`
	return nil
}

func server(ctx context.Context, envSecret string) error {
	mux := http.NewServeMux()
`+server+`
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, client.Variation(r.Context(), "banner", ffc.NewUser("ann"), "none"))
	})
	listening := httptest.NewServer(server.Handler)
	defer listening.Close()
	resp, err := http.Get(listening.URL)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Println(string(body), err)
	return client.Close(ctx)
}

func featBit(ctx context.Context, serverKey string) error {
`+featBit+`
	if err != nil {
		return err
	}
	if err := client.WaitReady(ctx); err != nil {
		return err
	}
	fmt.Println(client.Variation(ctx, "banner", ffc.NewUser("ann"), "none"), nil)
	return client.Close(ctx)
}
`)
	platforms.Each(t, func(t *testing.T, g ffctest.Platform) {
		secret, url := serveExample(t, g)
		delivered := 0
		isDelivered := func() {
			delivered++
			if _, state := get(t, url+"/local/state"); !strings.Contains(state, fmt.Sprintf(`"events":{"evaluations":%d,`, delivered)) {
				t.Errorf("not %d events: %s", delivered, state)
			}
		}
		programs := []string{"server"}
		if g == ffctest.FeatBit {
			programs = append(programs, "featbit")
		}
		for _, name := range programs {
			cmd := exec.CommandContext(t.Context(), binary, name, secret, url)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil || string(out) != "Welcome! <nil>\n" || strings.Contains(stderr.String(), "fallback") {
				t.Errorf("%v: the program %s printed\n%s%s", err, name, out, &stderr)
			}
			isDelivered()
		}
		runtime := lambdatest.NewRuntime()
		defer runtime.Close()
		cmd := exec.CommandContext(t.Context(), binary, "function", secret, url)
		cmd.Env = append(os.Environ(), "FFC_ENV_SECRET="+secret)
		var stderr testkit.Log
		cmd.Stderr = &stderr
		process, err := runtime.StartProcess(cmd)
		if err != nil {
			t.Fatal(err)
		}
		defer process.Kill()
		inv := runtime.Invoke(testkit.Within(t), []byte(`{"queryStringParameters":{"user":"ann"}}`))
		if inv.Err != nil || !strings.Contains(string(inv.Response), `"body":"Welcome!"`) || strings.Contains(stderr.String(), "fallback") {
			t.Errorf("%v: the function responded\n%s\n%s", inv.Err, inv.Response, &stderr)
		}
		isDelivered()
	})
}

// snippets returns a function that finds the Go snippet with a part in a section
// of the README.
func snippets(t *testing.T, section string) (find func(part string) string) {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(readme), "\n## "+section+"\n")
	text, _, ok2 := strings.Cut(text, "\n## ")
	if !ok || !ok2 {
		t.Fatalf("the README has no section %q", section)
	}
	return func(part string) string {
		t.Helper()
		for _, m := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], part) {
				return m[1]
			}
		}
		t.Fatalf("the section %q has no snippet with %q", section, part)
		return ""
	}
}

// build compiles a program and returns its path. To the go command, the program
// is in a folder of this module with a name: a program in a temporary folder would
// be built again each time.
func build(t *testing.T, name, program string) (binary string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "main.go")
	replace := map[string]string{filepath.Join(name, "main.go"): file}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string][]byte{file: []byte(program), file + ".json": overlay} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return testkit.Program(t, "-overlay", file+".json", "./"+name)
}

// serveExample serves the file that ffc serve makes, until the test ends.
func serveExample(t *testing.T, g ffctest.Platform) (secret, url string) {
	t.Helper()
	p, err := local.New(local.Config{File: filepath.Join(t.TempDir(), "flags.json"), Create: true, Platform: g.String()})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return p.EnvSecret(), local.URL(listener.Addr())
}

// The file that ffc serve makes in the clone is ignored there.
func TestServeLeavesNothingUntracked(t *testing.T) {
	ignored, err := os.ReadFile("../../.gitignore")
	if err != nil || !slices.Contains(strings.Split(string(ignored), "\n"), "/"+defaultFile) {
		t.Errorf("%s is not ignored: %v", defaultFile, err)
	}
}
