// Command prometheus serves the metrics of a client to Prometheus:
//
//	go run ./prometheus &
//	curl http://localhost:9464/metrics
package main

import (
	"context"
	"log"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	ffcotel "github.com/feature-flags-co/ffc-server-go-sdk/otel"
)

func main() {
	// In production the client has a secret and a transport.
	client, err := ffc.New(context.Background(), ffc.Config{Offline: true, Bootstrap: ffctest.Snapshot(ffctest.Flag("new-checkout"))})
	if err != nil {
		log.Fatal(err)
	}
	metrics, err := handler(client)
	if err != nil {
		log.Fatal(err)
	}
	client.BoolVariation(context.Background(), "new-checkout", ffc.NewUser("ann"), false)
	http.Handle("/metrics", metrics)
	log.Fatal(http.ListenAndServe("localhost:9464", nil))
}

// handler serves the metrics of a client.
func handler(client *ffc.Client) (http.Handler, error) {
	registry := prometheus.NewRegistry()
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithoutScopeInfo(), otelprometheus.WithoutTargetInfo())
	if err != nil {
		return nil, err
	}
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter))
	if _, err := ffcotel.Observe(client, meters.Meter(ffcotel.ScopeName), attribute.String("environment", "production")); err != nil {
		return nil, err
	}
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), nil
}
