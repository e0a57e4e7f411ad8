package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func networks(t *testing.T, all ...string) []network {
	t.Helper()
	out := make([]network, len(all))
	for i, s := range all {
		require.NoError(t, out[i].UnmarshalText([]byte(s)))
	}
	return out
}

// RS7: behind a proxy of ours the asker's address is what the proxy says; nobody else is believed.
func TestAddressBehindTheProxy(t *testing.T) {
	t.Parallel()
	ours := networks(t, "127.0.0.1", "10.1.0.0/16", "fd00::/8")
	for _, c := range []struct {
		trusted  []network
		from     string
		forwards []string
		want     string
	}{
		{nil, "127.0.0.1:80", []string{"198.51.100.7"}, "127.0.0.1:80"},
		{ours, "192.0.2.1:80", []string{"198.51.100.7"}, "192.0.2.1:80"},
		{ours, "127.0.0.1:80", nil, "127.0.0.1:80"},
		{ours, "127.0.0.1:80", []string{"198.51.100.7"}, "198.51.100.7:0"},
		{ours, "127.0.0.1:80", []string{"1.2.3.4, 198.51.100.7"}, "198.51.100.7:0"},
		{ours, "127.0.0.1:80", []string{"1.2.3.4", "198.51.100.7, 10.1.2.3"}, "198.51.100.7:0"},
		{ours, "[fd00::1]:80", []string{"2001:db8::1"}, "[2001:db8::1]:0"},
		{ours, "[::ffff:127.0.0.1]:80", []string{"::ffff:198.51.100.7"}, "198.51.100.7:0"},
		{ours, "127.0.0.1:80", []string{"198.51.100.7:4711"}, "198.51.100.7:0"},
		{ours, "127.0.0.1:80", []string{"198.51.100.7, unknown"}, "127.0.0.1:80"},
		{ours, "127.0.0.1:80", []string{"198.51.100.7, unknown, 10.1.2.3"}, "10.1.2.3:0"},
		{ours, "127.0.0.1:80", []string{"10.1.2.3"}, "10.1.2.3:0"},
		{ours, "pipe", []string{"198.51.100.7"}, "pipe"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = c.from
		for _, f := range c.forwards {
			r.Header.Add("X-Forwarded-For", f)
		}
		var got string
		behind(c.trusted, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr })).ServeHTTP(httptest.NewRecorder(), r)
		require.Equal(t, c.want, got, "%s %v", c.from, c.forwards)
	}
}

func TestNetworkSetting(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "x", "10.0.0.0/33", "fe80::1%eth0", "::ffff:10.0.0.0/120"} {
		require.Error(t, new(network).UnmarshalText([]byte(bad)), bad)
	}
	code, said := command(t, nil, "doctor", "--trusted-proxy=10.0.0.0/99")
	require.Equal(t, 2, code)
	require.Contains(t, said, "--trusted-proxy")
	require.Contains(t, said, "10.1.0.0/16")
}

// RS7: one of the people behind the proxy who guesses wrong bars nobody else. The failures of this test all come through one proxy.
func TestOneAddressBehindTheProxyBarsNoOther(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *server) {
		s.settings.TrustedProxy = networks(t, "127.0.0.1")
		s.rewire(t)
	})
	var client http.Client
	try := func(from, name, password string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.base+"/api/v1/login",
			strings.NewReader(`{"login_name":"`+name+`","password":"`+password+`"}`))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Forwarded-For", from)
		res, err := client.Do(r)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		return res.StatusCode
	}
	for i := range 40 {
		try("198.51.100.7", fmt.Sprintf("guess%d", i), "wrong-password-guess")
	}
	require.NotEqual(t, http.StatusOK, try("198.51.100.7", "jieting", password))
	require.Equal(t, http.StatusOK, try("198.51.100.8", "jieting", password))
}
