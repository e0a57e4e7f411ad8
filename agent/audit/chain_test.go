package audit_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hotline/agent/audit"
)

const second = int64(time.Second / time.Microsecond)

func rowOf(t *rapid.T) audit.Row {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("ab\x1f|:0\n张")), 0, 4, -1)
	n := rapid.Int64Range(-2, 300)
	return audit.Row{
		ID: n.Draw(t, "id"), XID: uint64(n.Draw(t, "xid") + 2), StoredAt: n.Draw(t, "stored"), At: n.Draw(t, "at"),
		Actor: text.Draw(t, "actor"), Action: text.Draw(t, "action"), Subject: text.Draw(t, "subject"), Outcome: text.Draw(t, "outcome"),
		Address: text.Draw(t, "address"), Reason: text.Draw(t, "reason"), Data: text.Draw(t, "data"),
	}
}

// Two rows never give the same bytes (reliability.md 10), though text wanders from one field into the next.
func TestCanonicalFormIsInjective(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := rowOf(t), rowOf(t)
		if rapid.Bool().Draw(t, "shifted") { // the hard case: the same text, cut elsewhere
			b = a
			all := []rune(a.Actor + a.Action)
			at := rapid.IntRange(0, len(all)).Draw(t, "cut")
			b.Actor, b.Action = string(all[:at]), string(all[at:])
		}
		require.Equal(t, a == b, bytes.Equal(a.Canonical(), b.Canonical()))
	})
}

// trail is a chain of n rows with an anchor every third, and one more row that waits.
func trail(t *rapid.T) ([]audit.Entry, []audit.Anchor) {
	n := rapid.IntRange(3, 12).Draw(t, "rows")
	entries := make([]audit.Entry, n)
	var anchors []audit.Anchor
	var last audit.Seal
	for i := range entries {
		r := rowOf(t)
		r.ID, r.XID, r.StoredAt = int64(10*i+10), uint64(i/2+5), 0
		last = audit.After(last, r)
		seal := last
		entries[i] = audit.Entry{Row: &r, Seal: &seal}
		if i%3 == 2 {
			anchors = append(anchors, audit.Anchor{N: seal.N, Hash: seal.Hash})
		}
	}
	return entries, anchors
}

// reseal computes the chain anew from an entry on, as a superuser can.
func reseal(entries []audit.Entry, from int) {
	var last audit.Seal
	if from > 0 {
		last = *entries[from-1].Seal
	}
	for i := from; i < len(entries); i++ {
		last = audit.After(last, *entries[i].Row)
		seal := last
		entries[i].Seal = &seal
	}
}

// I11: an untouched trail is quiet, and every kind of tampering is found and names its row.
func TestTamperingIsFoundAndNamed(t *testing.T) {
	t.Parallel()
	for name, tamper := range map[string]func(e []audit.Entry, i int) (entries []audit.Entry, what string, named string){
		"nothing": func(e []audit.Entry, _ int) ([]audit.Entry, string, string) { return e, "", "" },
		"a row": func(e []audit.Entry, i int) ([]audit.Entry, string, string) {
			e[i].Row.Subject += "x"
			return e, audit.Changed, e[i].Row.String()
		},
		"a time": func(e []audit.Entry, i int) ([]audit.Entry, string, string) {
			e[i].Row.At++
			return e, audit.Changed, e[i].Row.String()
		},
		"a row and its seal": func(e []audit.Entry, i int) ([]audit.Entry, string, string) {
			e[i].Row.Actor += "x"
			reseal(e[:i+1], i)
			if i == len(e)-1 { // nothing follows that would not join: see the last case
				e[i].Seal.Hash[0]++
			}
			return e, audit.Rewritten, e[i].Seal.String()
		},
		"a hash": func(e []audit.Entry, i int) ([]audit.Entry, string, string) {
			e[i].Seal.Hash[3]++
			return e, audit.Rewritten, e[i].Seal.String()
		},
		"removed": func(e []audit.Entry, i int) ([]audit.Entry, string, string) {
			named := e[i].Seal.String()
			e[i].Row = nil
			return e, audit.Removed, named
		},
		"removed with its seal": func(e []audit.Entry, i int) ([]audit.Entry, string, string) {
			if i == len(e)-1 {
				i--
			}
			next := e[i+1].Seal.String()
			return slices.Delete(e, i, i+1), audit.Missing, next
		},
		"inserted": func(e []audit.Entry, i int) ([]audit.Entry, string, string) {
			r := *e[i].Row
			r.ID -= 5
			return append(e, audit.Entry{Row: &r}), audit.Inserted, r.String()
		},
		"stripped of its seal": func(e []audit.Entry, i int) ([]audit.Entry, string, string) {
			if i == len(e)-1 {
				i--
			}
			r := e[i].Row
			return append(slices.Delete(e, i, i+1), audit.Entry{Row: r}), audit.Inserted, r.String()
		},
		"never sealed": func(e []audit.Entry, _ int) ([]audit.Entry, string, string) {
			r := *e[len(e)-1].Row
			r.ID, r.StoredAt = r.ID+1, -1
			return append(e, audit.Entry{Row: &r}), audit.Unsealed, r.String()
		},
		"swapped": func(e []audit.Entry, i int) ([]audit.Entry, string, string) {
			i = max(i, 1)
			e[i-1].Row, e[i].Row = e[i].Row, e[i-1].Row
			reseal(e, i-1)
			return e, audit.Moved, e[i].Seal.String()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				entries, anchors := trail(t)
				i := rapid.IntRange(0, len(entries)-1).Draw(t, "where")
				entries, what, named := tamper(slices.Clone(entries), i)
				found := audit.Check(entries, anchors, 10*second)
				if what == "" {
					require.Empty(t, found)
					return
				}
				for _, f := range found {
					if f.What == what {
						require.True(t, slices.ContainsFunc(f.Rows, func(row string) bool { return strings.Contains(row, named) }), "%s in %v", named, f)
						return
					}
				}
				require.Fail(t, "not found", "%s: %v", what, found)
			})
		})
	}
}

// A superuser can rewrite a row and all seals after it, or cut off the end: then the anchor tells, for what was anchored.
func TestAnchorTellsOfARewrittenChain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		entries, anchors := trail(t)
		anchored := int(anchors[len(anchors)-1].N)
		i := rapid.IntRange(0, anchored-1).Draw(t, "where")
		cut := audit.Check(entries[:i], anchors, 0)
		require.Equal(t, audit.Cut, cut[len(cut)-1].What)
		entries[i].Row.Reason += "x"
		reseal(entries, i)
		found := audit.Check(entries, anchors, 0)
		require.Len(t, found, 1)
		require.Equal(t, audit.Unlike, found[0].What)
		var from, to int
		_, err := fmt.Sscanf(found[0].Rows[0], "one of %d to %d of the chain", &from, &to)
		require.NoError(t, err)
		require.LessOrEqual(t, from, i+1)
		require.GreaterOrEqual(t, to, i+1)
		require.Less(t, to-from, 3, "no wider than from one anchor to the next")
		require.Empty(t, audit.Check(entries, nil, 0), "without an anchor nobody can tell")
	})
}

func TestRowsMayWaitForTheirSealAWhile(t *testing.T) {
	t.Parallel()
	e := []audit.Entry{{Row: &audit.Row{ID: 1, Action: "a.b"}}}
	require.Empty(t, audit.Check(e, nil, 10*second))
	require.Equal(t, []audit.Finding{{audit.Unsealed, []string{"row 1 (a.b)"}}}, audit.Check(e, nil, 10*second+1))
	require.NotEmpty(t, audit.Check(e, nil, -10*second-1), "a row of the future is never old")
}

// An anchor file that says two things of one place is contradicted by any chain.
func TestAnchorsThatDisagreeAreTold(t *testing.T) {
	t.Parallel()
	r := audit.Row{ID: 1}
	seal := audit.After(audit.Seal{}, r)
	e := []audit.Entry{{Row: &r, Seal: &seal}}
	true1, false1 := audit.Anchor{N: 1, Hash: seal.Hash}, audit.Anchor{N: 1, Hash: audit.Hash{1}}
	require.Empty(t, audit.Check(e, []audit.Anchor{true1, true1}, 0))
	for _, anchors := range [][]audit.Anchor{{true1, false1}, {false1, true1}} {
		require.Equal(t, []audit.Finding{{audit.Unlike, []string{"one of 1 to 1 of the chain"}}}, audit.Check(e, anchors, 0))
	}
}
