package demo_test

import (
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/cmd/hotline/demo"
)

// A port that somebody was given is given to no other process, though whom it is for does not listen yet.
func TestFreePortIsKept(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"tcp4", "udp4"} {
		port, err := demo.FreePort(t.Context(), kind)
		require.NoError(t, err)
		_, err = (&net.ListenConfig{}).Listen(t.Context(), "unix", fmt.Sprintf("@hotline-port-%s-%d", kind, port))
		require.ErrorContains(t, err, "address already in use", "what another process would claim")
	}
}
