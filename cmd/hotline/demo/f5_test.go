package demo_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/cmd/hotline/demo"
	"hotline/cmd/sim/seat"
	"hotline/deploy/local"
	"hotline/telephony"
	"hotline/telephony/trace"
)

// sampled is how many of the points one run of the tests dies at; `make sweep` dies at all of them.
const sampled = 10

// F5: the server is killed as abruptly as by a power cut at each commit, each request to the exchange and each event of it, before
// and after, in a story that has all of them. Its successor brings everybody to the same end.
func TestF5KilledAtEveryPoint(t *testing.T) {
	s := start(t, 1)
	s.hasShortNotice()
	s.rules("wrapup", "600", "notice", "hotline/short")
	story := &thursday{stage: s}
	story.tell()
	story.tell() // who comes again has something to give back
	points := s.points()
	requireCovered(t, points)
	t.Logf("%d points: %s", len(points), strings.Join(points, ", "))
	for _, point := range chosen(t, points) {
		starts := s.ServerStarts()
		s.ArmServer("HOTLINE_CRASH_AT=" + point)
		s.KillServer()
		s.until("the server is started anew", patience, func() bool { return s.ServerStarts() > starts })
		require.NoError(t, s.Ready(s.ctx, patience), "armed for %q", point)
		began := time.Now()
		story.tell()
		require.Equal(t, starts+2, s.ServerStarts(), "it dies at %q", point)
		t.Logf("%q: told in %s", point, millis(time.Since(began)))
	}
}

// chosen are the points that HOTLINE_SWEEP names: all, one, or those that a number stands for; a failed run has logged it.
func chosen(t *testing.T, points []string) []string {
	t.Helper()
	set := os.Getenv("HOTLINE_SWEEP")
	if set == "all" {
		return points
	}
	if slices.Contains(points, set) {
		return []string{set}
	}
	seed := rand.Uint64N(1 << 20)
	if set != "" {
		var err error
		seed, err = strconv.ParseUint(set, 10, 64)
		require.NoError(t, err, "HOTLINE_SWEEP is all, a point, or a number")
	}
	t.Logf("HOTLINE_SWEEP=%d", seed)
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(points), func(i, j int) { points[i], points[j] = points[j], points[i] })
	return points[:sampled]
}

// hasShortNotice gives the exchange half a second of silence to play.
func (s *stage) hasShortNotice() {
	s.t.Helper()
	file := filepath.Join(s.Options.Dir, "asterisk/data/sounds/hotline/short.alaw")
	require.NoError(s.t, os.WriteFile(file, bytes.Repeat([]byte{0xD5}, 4000), 0o644))
}

// points are the steps that the server has come by: those of commits, requests and events; not how far a fact has been pushed.
func (s *stage) points() []string {
	s.t.Helper()
	res, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/debug/trace", s.Options.MetricsPort))
	require.NoError(s.t, err)
	defer func() { _ = res.Body.Close() }()
	var marks []trace.Mark
	require.NoError(s.t, json.NewDecoder(res.Body).Decode(&marks))
	found := map[string]bool{}
	for _, m := range marks {
		if m.Step != "routed" && !strings.HasSuffix(m.Step, " read") && !strings.HasPrefix(m.Step, "pushed ") {
			found[m.Step] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// thursday is the story: an official comes; one citizen is served, held and muted, one waits and is served next, one gives up; the
// notes are written, the ticket is registered. Whoever gets no answer asks again, as people do.
type thursday struct {
	*stage

	told     int // times
	official *seat.Client
}

func (s *thursday) tell() {
	n := 10 * s.told
	s.told++
	s.sits()
	first := s.citizens.arrive(n, n+1)[0]
	s.talks(first)
	call := s.callOf(first)
	s.onCall(call, "hold", nil, func() bool { return s.count(telephony.WordHeld) == 1 })
	s.onCall(call, "resume", nil, func() bool { return s.count(telephony.WordTalking) == 1 })
	for _, muted := range []bool{true, false} {
		s.onCall(call, "mute", map[string]any{"muted": muted}, func() bool {
			return one[bool](s.stage, `SELECT muted FROM participant WHERE call = $1 AND role = 'official'`, call) == muted
		})
	}
	next, short := s.citizens.arrive(n+1, n+2)[0], s.citizens.arrive(n+2, n+3)[0]
	s.until("both wait", patience, func() bool { return s.count(telephony.WordQueued) == 2 })
	require.NoError(s.t, short.leave())
	s.until("one has given up", patience, func() bool { return s.ended(short) != "waiting/" })
	s.onCall(call, "hangup", nil, func() bool { return s.ended(first) == "answered_official/seat" })
	s.writes(call)
	s.asksForNext(call, false)
	s.talks(next)
	call = s.callOf(next)
	require.NoError(s.t, next.leave())
	s.until("that is over", patience, func() bool { return one[int](s.stage, nobodyLeft) == 0 })
	s.asksForNext(call, true) // nobody has written anything
	for _, c := range []*citizen{first, next} {
		require.Equal(s.t, 1, one[int](s.stage, `SELECT count(*) FROM offer WHERE call = $1 AND state = 'accepted'`, s.callOf(c)))
	}
	s.verify()
}

// sits: the official signs in and takes the seat, whatever was before.
func (s *thursday) sits() {
	s.hall.behave(pickUp(50 * time.Millisecond))
	if s.official != nil {
		s.insists("/api/v1/seats/A01/sign-out", map[string]any{"place": "official"}, func() bool {
			return one[bool](s.stage, `SELECT person IS NULL FROM seat_state WHERE seat = 'A01'`)
		})
	}
	i := slices.IndexFunc(s.People, func(a demo.Account) bool { return a.Seat == "A01" && a.Role == "official" })
	s.until("the official sits", patience, func() bool { return s.hall.seat(s.ctx, s.People[i]) == nil })
	s.until("and signs in to write", patience, func() bool {
		var err error
		s.official, err = seat.SignInOver(s.ctx, described(s.t), s.Panel, s.People[i].LoginName, s.People[i].Password)
		return err == nil
	})
}

func (s *thursday) talks(c *citizen) {
	s.until("they talk", patience, func() bool {
		return one[int](s.stage, `SELECT count(*) FROM (`+words+`) w WHERE word = 'talking' AND num_tail = $1`, c.masked) == 1
	})
}

func (s *thursday) callOf(c *citizen) string {
	return one[string](s.stage, `SELECT id::text FROM call WHERE num_tail = $1`, c.masked)
}

// asksForNext: 请接下一位, once the wrap-up of a call has begun.
func (s *thursday) asksForNext(call string, leave bool) {
	const wrapsUp = `SELECT count(*) FROM seat_work WHERE work = 'wrap_up' AND call = $1`
	s.until("the wrap-up has begun", patience, func() bool { return one[int](s.stage, wrapsUp, call) == 1 })
	s.insists("/api/v1/seats/A01/next", map[string]any{"call": call, "leave": leave}, func() bool { return one[int](s.stage, wrapsUp, call) == 0 })
}

// onCall does something to a call as it is when it is done.
func (s *thursday) onCall(call, act string, body map[string]any, reached func() bool) {
	seen := maps.Clone(body)
	if seen == nil {
		seen = map[string]any{}
	}
	s.insists("/api/v1/calls/"+call+"/"+act, seen, func() bool {
		seen["version"] = one[int64](s.stage, `SELECT version FROM call WHERE id = $1`, call)
		return reached()
	})
}

// writes: the notes of a call, and its ticket registered.
func (s *thursday) writes(call string) {
	s.until("the ticket is open", patience, func() bool { return one[int](s.stage, `SELECT count(*) FROM ticket WHERE call = $1`, call) == 1 })
	path := "/api/v1/tickets/" + one[string](s.stage, `SELECT id::text FROM ticket WHERE call = $1`, call)
	type ticket struct {
		State   string `json:"state"`
		Version int64  `json:"version"`
	}
	edit := map[string]any{"title": "小区夜间施工噪音", "content": "来电人反映工地凌晨仍在施工，希望查处。", "class": "other", "outcome": "ticket"}
	s.tries("the ticket is registered", func() error {
		var t ticket
		if err := s.official.Do(s.ctx, http.MethodGet, path, nil, &t); err != nil || t.State != "draft" {
			return err
		}
		edit["version"] = t.Version
		if err := s.official.Do(s.ctx, http.MethodPatch, path, edit, &t); err != nil {
			return err
		}
		return s.official.Do(s.ctx, http.MethodPost, path+"/register", map[string]any{"version": t.Version}, nil)
	})
}

// tries does something again until it succeeds: the server may die before it, and after it.
func (s *thursday) tries(what string, do func() error) {
	s.t.Helper()
	var err error
	for end := time.Now().Add(patience); ; wait(s.ctx.Done(), 100*time.Millisecond) {
		if err = do(); err == nil {
			return
		}
		require.True(s.t, time.Now().Before(end), "%s: %v", what, err)
	}
}

// insists asks for something until it has taken effect.
func (s *thursday) insists(path string, body any, reached func() bool) {
	s.t.Helper()
	s.tries(path, func() error {
		if reached() {
			return nil
		}
		if err := s.official.Do(s.ctx, http.MethodPost, path, body, nil); err != nil {
			return err
		}
		return errors.New("no effect yet")
	})
}

// requireCovered: what the server can do to the world, the story has done: nothing is left that is never died at.
func requireCovered(t *testing.T, points []string) {
	t.Helper()
	expected := []string{
		"Answered decoded", "Entered decoded", "EnteredBridge decoded", "HangupRequested decoded", "LeftBridge decoded", "LegGone decoded",
		"LegLeft decoded", "Ringing decoded", "seat answered", "next asked", "pair asked", "pair given", "row begun", "row committed",
		"offer commit begun", "offer committed",
	}
	for _, w := range []string{"admission", "waiting", "serving", "ended", "wrap-up's end", "SaveSeat", "BeginLogin", "BringUp", "InsertEvent"} {
		expected = append(expected, w+" commit begun", w+" committed")
	}
	for _, verb := range exchangeVerbs(t) {
		if _, other := elsewhere[verb]; !other {
			expected = append(expected, verb+" asked", verb+" answered")
		}
	}
	var missing []string
	for _, point := range expected {
		if !slices.Contains(points, point) {
			missing = append(missing, point)
		}
	}
	require.Empty(t, missing, "the server can die there, and the story does not come by")
}

// elsewhere are requests that this story does not need, and where a controller dies at them.
var elsewhere = map[string]string{
	"return":    "TestCrashSweep",
	"stop_play": "TestCrashSweep",
	"plays":     "nowhere: it changes nothing",
	"leave":     "nowhere between the two requests of a hold out of another place to wait, which only a call that moves needs",
}

// exchangeVerbs are the requests that the product makes of the exchange, as its own list has them.
func exchangeVerbs(t *testing.T) []string {
	t.Helper()
	root, err := local.ModuleRoot()
	require.NoError(t, err)
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "telephony/ari/rest.go"), nil, 0)
	require.NoError(t, err)
	var verbs []string
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "op") && len(v.Values) == 1 {
			word, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			verbs = append(verbs, word)
		}
		return true
	})
	require.NotEmpty(t, verbs)
	return verbs
}
