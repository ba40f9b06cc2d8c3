package getters

import (
	"context"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

func inTest(c *ffc.Client) { c.IsEnabled(context.Background(), "only-in-a-test", ffc.NewUser("u")) }
