// Package grpc has interceptors for gRPC servers that only run while they serve
// calls, such as on Cloud Run with request-based CPU. They handle a call as
// ffc.Client.Middleware handles a request: flags are refreshed when the call begins,
// and the events of earlier calls are delivered while it is handled.
package grpc

import (
	"context"
	"net/http"

	"google.golang.org/grpc"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// Unary returns an interceptor for calls with one request and one response.
func Unary(client *ffc.Client) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
		around(client, ctx, func() { resp, err = handler(ctx, req) })
		return resp, err
	}
}

// Stream returns an interceptor for streams. Data that gets older than MaxAge
// during a long stream is refreshed by client.Refresh, which the stream's handler
// can call.
func Stream(client *ffc.Client) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
		around(client, stream.Context(), func() { err = handler(srv, stream) })
		return err
	}
}

// around runs call as the middleware runs a request. The middleware does not use
// the ResponseWriter, and of the request only the context.
func around(client *ffc.Client, ctx context.Context, call func()) {
	work := client.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { call() }))
	work.ServeHTTP(nil, new(http.Request).WithContext(ctx))
}
