package realtime_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/realtime"
)

// RS15: a login keeps a few unused tickets; the oldest gives way, and takes nothing from others.
func TestUnusedTicketsOfALoginAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.open(t, "A01", "", "seat:A01") // the hub is up
	others, first := b.ticket(t, "B02", "", "seat:B02"), b.ticket(t, "A01", "", "seat:A01")
	var last string
	for range 8 {
		last = b.ticket(t, "A01", "", "seat:A01")
	}
	status := func(ticket string) int {
		c, res, _ := b.dial(t, func() string { return ticket }, b.origin)
		if c != nil {
			_ = c.Close()
		}
		return res.StatusCode
	}
	require.Equal(t, http.StatusUnauthorized, status(first))
	require.Equal(t, http.StatusSwitchingProtocols, status(last))
	require.Equal(t, http.StatusSwitchingProtocols, status(others))
}

func TestTopicsHaveAForm(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, bad := range []string{"", ":", "seat:", ":A01", "Seat:A01", "seat:A 01", "seat:A01\x00", "seat:座", "seat:" + strings.Repeat("A", 76)} {
		_, _, err := b.hub.Issue(t.Context(), realtime.Request{Who: realtime.Subject{ID: "A01"}, Topics: []string{"seat:A01", bad}})
		require.ErrorIs(t, err, realtime.ErrBadTopic, "%q", bad)
	}
}
