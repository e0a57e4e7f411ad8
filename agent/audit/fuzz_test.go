package audit_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent/audit"
)

// FuzzCanonical : the form can be read back, so no two rows share one (reliability.md 10).
func FuzzCanonical(f *testing.F) {
	f.Add(int64(1), int64(2), int64(3), uint64(4), "person:1", "ticket.read", "ticket:1", "done", "127.0.0.1", "", "{}")
	f.Add(int64(-1), int64(0), int64(1)<<62, ^uint64(0), "", "", "", "", "", "", "")
	f.Add(int64(1), int64(2), int64(3), uint64(4), "a\x00\x00\x00\x00\x00\x00\x00\x01b", "\x00", "\n", "张", "\xff", "hotline audit 1\n", "|")
	f.Fuzz(func(t *testing.T, id, stored, at int64, xid uint64, actor, action, subject, outcome, address, reason, data string) {
		r := audit.Row{
			ID: id, XID: xid, StoredAt: stored, At: at,
			Actor: actor, Action: action, Subject: subject, Outcome: outcome, Address: address, Reason: reason, Data: data,
		}
		back, err := readBack(r.Canonical())
		require.NoError(t, err)
		require.Equal(t, r, back)
	})
}

// readBack takes the form apart as its description says.
func readBack(form []byte) (audit.Row, error) {
	var r audit.Row
	form, ok := bytes.CutPrefix(form, []byte("hotline audit 1\n"))
	if !ok {
		return r, errors.New("another form")
	}
	number := func() uint64 {
		if len(form) < 8 {
			ok = false
			return 0
		}
		n := binary.BigEndian.Uint64(form)
		form = form[8:]
		return n
	}
	r.ID, r.XID, r.StoredAt, r.At = int64(number()), number(), int64(number()), int64(number())
	for _, s := range []*string{&r.Actor, &r.Action, &r.Subject, &r.Outcome, &r.Address, &r.Reason, &r.Data} {
		n := number()
		if n > uint64(len(form)) {
			return r, errors.New("too short")
		}
		*s, form = string(form[:n]), form[n:]
	}
	if !ok || len(form) > 0 {
		return r, errors.New("of another length")
	}
	return r, nil
}

// FuzzAnchors : whatever has become of the file, an anchor that is read is one that could have been written, and what comes after it is read.
func FuzzAnchors(f *testing.F) {
	whole := "2026-11-26T01:00:00Z 3 " + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" + "\n"
	for _, seed := range []string{"", whole, whole + whole[:30], whole[:30] + "\n" + whole, "\n\n", "2026-11-26T01:00:00+08:00 1 00", "\x00", "2026-11-26T01:00:00Z -3 " + whole[23:]} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "anchors")
		require.NoError(t, os.WriteFile(path, content, 0o600))
		before, bad, err := audit.ReadAnchors(path)
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(before)+len(bad), bytes.Count(content, []byte("\n"))+1)
		for _, a := range before {
			require.Positive(t, a.N)
			require.False(t, a.At.IsZero() && a.Hash == audit.Hash{})
		}
		more := audit.Anchor{At: time.Date(2026, 11, 26, 2, 0, 0, 0, time.UTC), N: 9, Hash: audit.Hash{1, 2}}
		require.NoError(t, audit.WriteAnchor(path, more))
		after, _, err := audit.ReadAnchors(path)
		require.NoError(t, err)
		require.NotEmpty(t, after)
		last := after[len(after)-1]
		require.Equal(t, more.Hash, last.Hash)
		require.Equal(t, more.N, last.N)
		require.True(t, more.At.Equal(last.At))
		require.Len(t, after[:len(after)-1], len(before), "nothing that stood there is lost, or comes up")
	})
}
