package demo_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent/vault"
	"hotline/cmd/hotline/demo"
	"hotline/cmd/sim/phone"
	"hotline/telephony"
)

// citizens are the numbers that every test's citizens call from.
var citizens = regexp.MustCompile(`1385512\d{4}`)

// written looks through every file below a folder, but for those below the paths except, and says where something stands.
func written(t *testing.T, dir string, what *regexp.Regexp, except ...string) []string {
	t.Helper()
	var found []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		for _, e := range except {
			if path == filepath.Join(dir, e) && d.IsDir() {
				return fs.SkipDir
			}
			if path == filepath.Join(dir, e) {
				return nil
			}
		}
		if !d.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, at := range what.FindAllIndex(content, 3) {
			found = append(found, fmt.Sprintf("%s: …%q…", path, content[max(0, at[0]-60):min(len(content), at[1]+20)]))
		}
		return nil
	}))
	return found
}

// RS1, RS2: numbers stand in no file of anybody, and what citizens say in those of the database alone. Statements are slow and fail, the
// server and Postgres are away, people dial wrong and call from where nobody may: whoever complains writes it down somewhere.
func TestNothingTellsWhoCalledAndWhatTheySaid(t *testing.T) {
	for _, preset := range []vault.Preset{vault.International, vault.GM} {
		t.Run(string(preset), func(t *testing.T) { secrecy(t, preset) })
	}
}

const said = "界首市光武镇的井盖"

func secrecy(t *testing.T, preset vault.Preset) { //nolint:thelper // it is the test
	s := start(t, 1, func(o *demo.Options) { o.Preset = preset })
	s.hall.sit()
	talker := s.citizens.arrive(0, 1)[0]
	s.until("they talk", patience, func() bool { return s.count(telephony.WordTalking) == 1 })
	waiter, impatient := s.citizens.arrive(1, 2)[0], s.citizens.arrive(2, 3)[0]
	s.until("two wait", patience, func() bool { return s.count(telephony.WordQueued) == 2 })
	require.NoError(t, impatient.leave())
	s.strangers()

	official := s.person("official", "A01")
	path := "/api/v1/tickets/" + one[string](s, `SELECT t.id::text FROM ticket t JOIN call c ON c.id = t.call WHERE t.state = 'draft' AND c.num_tail = $1`, talker.masked)
	var draft struct {
		Version int64 `json:"version"`
	}
	require.NoError(t, official.Do(s.ctx, http.MethodGet, path, nil, &draft))
	s.slowly(func() error {
		return official.Do(s.ctx, http.MethodPatch, path, map[string]any{"version": draft.Version, "title": said, "content": said + "，" + talker.number}, nil)
	})
	require.Error(t, official.Do(s.ctx, http.MethodPatch, path, map[string]any{"version": 99, "title": said}, nil))
	_, err := s.db.Exec(s.ctx, `UPDATE ticket SET title = $1, state = $2`, said, "no such state "+talker.number)
	require.ErrorContains(t, err, "check constraint")
	_, err = s.db.Exec(s.ctx, `UPDATE ticket SET title = $1`, said+"\x00")
	require.ErrorContains(t, err, "invalid byte sequence")

	require.NoError(t, s.Postgres.Stop(s.ctx))
	s.citizens.arrive(3, 4)
	s.until("it is in the journal", patience, func() bool { return s.facts() > 0 })
	s.killNoticed()
	s.citizens.arrive(4, 5)
	s.until("the net has it", patience, func() bool {
		text, err := os.ReadFile(filepath.Join(s.Exchange.NetDir(), "net.csv"))
		return err == nil && strings.Contains(string(text), "NET_ENTERED")
	})
	require.NotEmpty(t, written(t, s.Options.Dir, citizens), "this test can see a number: the net's")
	s.hall.behave(s.hall.serve(20*time.Millisecond, 50*time.Millisecond))
	require.NoError(t, s.StartPostgres(s.ctx))
	s.db.Reset()
	s.until("all are stored", patience, func() bool { return one[int](s, `SELECT count(*) FROM call`) == 5 })
	require.NoError(t, talker.leave())
	require.NoError(t, waiter.leave())
	s.until("all are served or gone", patience, func() bool { return one[int](s, nobodyLeft) == 0 })
	s.until("the net's folder is empty", patience, func() bool {
		found, err := filepath.Glob(filepath.Join(s.Exchange.NetDir(), "*"))
		return err == nil && len(found) == 0
	})
	require.Equal(t, 5, one[int](s, `SELECT count(DISTINCT num_idx) FROM call WHERE num_enc IS NOT NULL`))
	s.verify()

	_, err = s.db.Exec(s.ctx, `CHECKPOINT`)
	require.NoError(t, err)
	require.Positive(t, s.says("postgres/postgres.log", "duration: "), "a slow statement is told")
	require.Positive(t, s.says("postgres/postgres.log", "violates check constraint"), "a failed one too")
	require.Empty(t, written(t, s.Options.Dir, regexp.MustCompile(said), "postgres/data"))
	require.NotEmpty(t, written(t, s.Options.Dir, regexp.MustCompile(said)), "it is in the database")
	require.Empty(t, written(t, s.Options.Dir, citizens, "postgres/data"))
	require.Empty(t, written(t, s.Options.Dir, regexp.MustCompile(stranger), "asterisk/log/security.log"))
	require.Zero(t, one[int](s, `SELECT count(*) FROM call c WHERE c::text ~ $1`, citizens.String()))
	require.Zero(t, one[int](s, `SELECT count(*) FROM fact f WHERE f::text ~ $1`, citizens.String()))
	require.Positive(t, one[int](s, `SELECT count(*) FROM audit WHERE action = 'ticket.drafted'`))
	require.Zero(t, one[int](s, `SELECT count(*) FROM audit a WHERE a::text ~ $1`, citizens.String()+"|"+said))
}

const stranger = "13955129999" // no caller of ours: the exchange's security log may have it

// strangers dial wrong, and call from an address that may not.
func (s *stage) strangers() {
	s.t.Helper()
	for _, c := range []struct{ at, from, to string }{{"127.0.0.2:0", "13855129999", "13855129998"}, {"127.0.0.9:0", stranger, demo.Number}} {
		p, err := phone.Open(s.ctx, c.at, nil)
		require.NoError(s.t, err)
		v, err := phone.NewVoice("127.0.0.2", nil, nil)
		require.NoError(s.t, err)
		_, err = p.Dial(s.ctx, "sip:"+c.to+"@"+s.Trunk, c.from, v)
		require.Error(s.t, err)
		v.Close()
	}
}

// slowly lets a write to a ticket wait until Postgres complains of it.
func (s *stage) slowly(write func() error) {
	s.t.Helper()
	tx, err := s.db.Begin(s.ctx)
	require.NoError(s.t, err)
	_, err = tx.Exec(s.ctx, `SELECT FROM ticket FOR UPDATE`)
	require.NoError(s.t, err)
	done := make(chan error, 1)
	go func() { done <- write() }()
	s.until("it waits for long", patience, func() bool {
		return one[bool](s, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query_start < clock_timestamp() - interval '700 ms')`)
	})
	require.NoError(s.t, tx.Commit(s.ctx))
	require.NoError(s.t, <-done)
}
