package grpc_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	interceptors "github.com/feature-flags-co/ffc-server-go-sdk/examples/grpc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// health is a service with a unary call and a stream, which evaluate a flag.
type health struct {
	grpc_health_v1.UnimplementedHealthServer
	client *ffc.Client
}

func (h health) status(ctx context.Context, user string) *grpc_health_v1.HealthCheckResponse {
	r := &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_NOT_SERVING}
	if h.client.BoolVariation(ctx, "serving", ffc.NewUser(user), false) {
		r.Status = grpc_health_v1.HealthCheckResponse_SERVING
	}
	return r
}

func (h health) Check(ctx context.Context, req *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	if req.GetService() == "" {
		return nil, errors.New("no service")
	}
	return h.status(ctx, req.GetService()), nil
}

func (h health) Watch(req *grpc_health_v1.HealthCheckRequest, stream grpc.ServerStreamingServer[grpc_health_v1.HealthCheckResponse]) error {
	for range 3 {
		if err := stream.Send(h.status(stream.Context(), req.GetService())); err != nil {
			return err
		}
	}
	return nil
}

// serve returns a client of the service, with interceptors or without.
func serve(t testing.TB, with bool) (grpc_health_v1.HealthClient, *ffctest.Server, *ffc.Client) {
	t.Helper()
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("serving")))
	t.Cleanup(platform.Close)
	client, err := ffc.New(t.Context(), ffc.Config{
		EnvSecret: platform.EnvSecret,
		BaseURL:   platform.URL,
		Transport: &poll.Transport{},
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	var opts []grpc.ServerOption
	if with {
		opts = []grpc.ServerOption{
			grpc.UnaryInterceptor(interceptors.Unary(client)),
			grpc.StreamInterceptor(interceptors.Stream(client)),
		}
	}
	server := grpc.NewServer(opts...)
	grpc_health_v1.RegisterHealthServer(server, health{client: client})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return grpc_health_v1.NewHealthClient(conn), platform, client
}

// The events of a call leave while the next one is handled, those of the last
// one on Close; responses and errors are those of the service.
func TestInterceptors(t *testing.T) {
	service, platform, client := serve(t, true)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for i := range 2 {
		resp, err := service.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: fmt.Sprint("u", i)})
		if err != nil || resp.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
			t.Fatalf("got %v, %v", resp, err)
		}
	}
	if _, err := platform.WaitEvents(ctx, 1); err != nil {
		t.Error(err)
	}
	if _, err := service.Check(ctx, &grpc_health_v1.HealthCheckRequest{}); err == nil {
		t.Error("the error of a call was lost")
	}
	stream, err := service.Watch(ctx, &grpc_health_v1.HealthCheckRequest{Service: "u2"})
	if err != nil {
		t.Fatal(err)
	}
	messages := 0
	for {
		if _, err := stream.Recv(); err != nil {
			break
		}
		messages++
	}
	if messages != 3 {
		t.Errorf("%d messages, want 3", messages)
	}
	if err := client.Close(ctx); err != nil {
		t.Error(err)
	}
	if n := len(platform.Events()); n != 5 {
		t.Errorf("%d events arrived, want 5", n)
	}
}

// BenchmarkInterceptor is the cost of the interceptor itself.
func BenchmarkInterceptor(b *testing.B) {
	_, _, client := serve(b, false)
	unary := interceptors.Unary(client)
	handler := func(context.Context, any) (any, error) { return nil, nil }
	b.ReportAllocs()
	for b.Loop() {
		_, _ = unary(b.Context(), nil, nil, handler)
	}
}

// BenchmarkUnary is a call over loopback without the interceptor, to compare
// with.
func BenchmarkUnary(b *testing.B) {
	service, _, _ := serve(b, false)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := service.Check(b.Context(), &grpc_health_v1.HealthCheckRequest{Service: "u"}); err != nil {
			b.Fatal(err)
		}
	}
}
