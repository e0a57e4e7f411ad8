package demo_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"hotline/cmd/hotline/demo"
	"hotline/cmd/sim/seat"
	"hotline/telephony"
)

// F22: the page of an official who talks is gone at once, without a word; the telephone lives. The call goes on with sound both ways,
// supervisors see it after the grace and not before, and the wrap-up is not left out.
func TestF22PageGoneInACall(t *testing.T) {
	const grace = 15 * time.Second
	s := start(t, 1)
	_, err := s.db.Exec(s.ctx, `UPDATE line SET wrapup_seconds = 600`)
	require.NoError(t, err)
	s.KillServer() // it reads the line's rules as it comes up
	require.NoError(t, s.Ready(s.ctx, patience))
	s.hall.sit()
	official := person(s, "A01")
	page := s.socket(official, "seat:A01")
	board := s.socket(s.supervisor(), "board")
	citizen := s.citizens.arrive(0, 1)[0]
	s.until("they talk", patience, func() bool { return s.count(telephony.WordTalking) == 1 })

	for range 2 { // the page is seen by now, as it is each second
		require.Empty(t, nextGauge(t, board, time.Now().Add(patience)))
	}
	citizen.ear.listen()
	s.hall.talking()[0].ear.listen()
	require.NoError(t, page.UnderlyingConn().Close())
	gone := time.Now()
	away := pagesAway{}
	for len(away) == 0 {
		away = nextGauge(t, board, gone.Add(grace+patience))
	}
	require.Equal(t, "A01", away[0].Seat)
	told := time.Since(gone)
	t.Logf("supervisors see it %s after the page was gone", millis(told))
	require.Greater(t, told, grace-time.Second, "not for a reload")
	require.Less(t, told, grace+5*time.Second)
	require.Equal(t, 1, s.count(telephony.WordTalking), "the call goes on")
	for _, e := range []*ear{citizen.ear, s.hall.talking()[0].ear} {
		longest, n := e.gap()
		require.Greater(t, n, 500, "sound both ways")
		require.Less(t, longest, time.Second)
	}

	require.NoError(t, citizen.leave())
	s.until("the wrap-up runs", patience, func() bool { return one[int](s, `SELECT count(*) FROM seat_work WHERE work = 'wrap_up'`) == 1 })
	require.NoError(t, official.Do(s.ctx, http.MethodPost, "/api/seats/A01/next", struct{}{}, nil))
	s.verify()
}

type pagesAway []struct {
	Seat  string    `json:"seat"`
	Since time.Time `json:"since"`
}

// nextGauge reads on to the next figures of a board, and gives the seats whose page is away.
func nextGauge(t *testing.T, board *websocket.Conn, until time.Time) pagesAway {
	t.Helper()
	for {
		require.NoError(t, board.SetReadDeadline(until))
		_, b, err := board.ReadMessage()
		require.NoError(t, err)
		var g struct {
			Type string `json:"type"`
			Data struct {
				PagesAway pagesAway `json:"pages_away"`
			} `json:"data"`
		}
		require.NoError(t, json.Unmarshal(b, &g))
		if g.Type == "gauge" {
			return g.Data.PagesAway
		}
	}
}

// supervisor signs in who may read the board.
func (s *stage) supervisor() *seat.Client {
	s.t.Helper()
	var who demo.Account
	for _, a := range s.People {
		if a.Role == "supervisor" {
			who = a
		}
	}
	c, err := seat.SignIn(s.ctx, s.Panel, who.LoginName, who.Password)
	require.NoError(s.t, err)
	return c
}

// socket opens a push socket as a page does, and has its hello.
func (s *stage) socket(who *seat.Client, topic string) *websocket.Conn {
	s.t.Helper()
	var out struct {
		Ticket string `json:"ticket"`
	}
	require.NoError(s.t, who.Do(s.ctx, http.MethodPost, "/api/ws-ticket", map[string]any{"topics": []string{topic}}, &out))
	dialer := websocket.Dialer{HandshakeTimeout: patience, Subprotocols: []string{"v1.hotline", "t." + out.Ticket}}
	conn, res, err := dialer.DialContext(s.ctx, "ws"+s.Panel[len("http"):]+"/ws", http.Header{"Origin": {s.Panel}})
	require.NoError(s.t, err)
	require.NoError(s.t, res.Body.Close())
	_, _, err = conn.ReadMessage()
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = conn.Close() })
	return conn
}
