package main

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/agent"
)

// FuzzBody : a body that is let in is JSON of which every string is plain text, and is what encoding/json reads from it (reliability.md 10).
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{"login_name":"li","password":"x"}`, `{"a":["b",{"c":"\u0000"}]}`, `"\ud800"`, `"\ud83d\ude00"`, `"\uFFFD"`, "\"\ufffd\"", "{\"\u202e\":1}", `{"a":1,"a":2}`,
		`[1e999]`, `{`, ``, `null`, "\xff", strings.Repeat("[", 20000), `"\u001b[31m"`, `{"A":"\ufdd0"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var plain, asGo any
		err := plainJSON().Unmarshal(body, &plain)
		if err != nil {
			return
		}
		require.NoError(t, json.Unmarshal(body, &asGo))
		require.Equal(t, asGo, plain)
		require.NoError(t, everyString(plain, func(s string) error { return agent.CheckText(s) }))
		again, err := json.Marshal(plain)
		require.NoError(t, err)
		require.NoError(t, plainJSON().Unmarshal(again, &asGo), "what was let in once is let in again")
	})
}

func everyString(v any, check func(string) error) error {
	switch v := v.(type) {
	case string:
		return check(v)
	case []any:
		for _, e := range v {
			if err := everyString(e, check); err != nil {
				return err
			}
		}
	case map[string]any:
		for name, e := range v {
			if err := check(name); err != nil {
				return err
			}
			if err := everyString(e, check); err != nil {
				return err
			}
		}
	}
	return nil
}

// FuzzForwarded : who asks is who a proxy of ours has last seen, whatever the asker writes before it (RS7).
func FuzzForwarded(f *testing.F) {
	f.Add("127.0.0.1:5", "10.1.2.3", "198.51.100.7")
	f.Add("127.0.0.1:5", "10.1.2.3, evil", "198.51.100.7:4711")
	f.Add("203.0.113.9:5", "10.1.2.3", "198.51.100.7")
	f.Add("[::1]:5", "fe80::1%eth0", "[2001:db8::1]:80")
	f.Add("x", ",,,", "127.0.0.1")
	trusted := []network{{netip.MustParsePrefix("127.0.0.0/8")}, {netip.MustParsePrefix("::1/128")}}
	f.Fuzz(func(t *testing.T, remote, said, seen string) {
		from, ok := forwarded(trusted, remote, []string{said, seen})
		peer, err := netip.ParseAddrPort(remote)
		require.False(t, ok && (err != nil || !holds(trusted, peer.Addr())), "nobody else's header is read")
		if !ok {
			return
		}
		require.True(t, from.IsValid())
		require.Empty(t, from.Zone())
		require.False(t, from.Is4In6())
		if last, err := hopAddr(strings.TrimSpace(seen)); err == nil && !strings.Contains(seen, ",") && !holds(trusted, last) {
			require.Equal(t, last, from, "what stands before it, the asker may have written")
		}
		require.True(t, slices.ContainsFunc(strings.Split(said+","+seen, ","), func(hop string) bool {
			addr, err := hopAddr(strings.TrimSpace(hop))
			return err == nil && addr == from
		}), "an address that nobody said")
	})
}
