package enginetest

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay/queuetest"
)

// startSQS starts an SQS until the test ends. It skips the test if there is no fauxqs.
func startSQS(t testing.TB) (endpoint string) {
	t.Helper()
	return started(t, StartSQS)
}

func TestSQSConforms(t *testing.T) {
	t.Parallel()
	endpoint := startSQS(t)
	var mu sync.Mutex
	urls := make(map[string]string)
	queuetest.Run(t, queuetest.Config{
		Timeout: 2 * time.Second,
		Open: func(t *testing.T) flush.Queue {
			mu.Lock()
			defer mu.Unlock()
			url, ok := urls[t.Name()]
			if !ok {
				var err error
				if url, err = NewQueue(endpoint, strings.ReplaceAll(t.Name(), "/", "-")); err != nil {
					t.Fatal(err)
				}
				urls[t.Name()] = url
			}
			q, err := NewSQS(endpoint, url, 2*time.Second, nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(q.CloseIdleConnections)
			return q
		},
	})
}
