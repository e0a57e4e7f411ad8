package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/store"
	"hotline/deploy/migrations/pgtest"
)

// Whoever sits somewhere when seats come to be assigned keeps the place, and what was registered is its unit's; the way back is open.
func TestSeatsComeToBeAssigned(t *testing.T) {
	t.Parallel()
	const before, assigned = 11, 12
	pool, migrate := pgtest.At(t, before)
	for _, sql := range []string{
		`INSERT INTO unit VALUES ('EDU', '教育', '教育', 'department')`,
		`INSERT INTO line (id, name) VALUES ('session', 'l')`,
		`INSERT INTO seat VALUES ('A01', 'session', 'official', 'EDU', '1'), ('B01', 'session', 'operator', NULL, '2')`,
		`INSERT INTO person (id, login_name, name, password_hash, created_at) SELECT gen_random_uuid(), n, n, '-', now() FROM unnest('{li,rec,op}'::text[]) AS n`,
		`INSERT INTO seat_state (seat, person, recorder, client, endpoint, since)
			SELECT 'A01', p.id, r.id, 'page', 'ep', now() FROM person p, person r WHERE p.login_name = 'li' AND r.login_name = 'rec'`,
		`INSERT INTO seat_state (seat, person, since) SELECT 'B01', id, now() FROM person WHERE login_name = 'op'`,
		`INSERT INTO call (id, channel, line, dialled, phase, seq, arrived_at, epoch) VALUES (gen_random_uuid(), 'c', 'session', '12345', 'waiting', 1, now(), 0)`,
		`INSERT INTO ticket (id, number, query_code, kind, call, seat, state, outcome, title, opened_at, registered_at)
			SELECT gen_random_uuid(), 'n', 'ACDEFG', 'call', id, 'A01', 'registered', 'ticket', 't', now(), now() FROM call`,
	} {
		_, err := pool.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}
	for range 2 {
		migrate(assigned)
		s := store.New(pool, nil)
		all, err := s.Assignments(t.Context())
		require.NoError(t, err)
		var places []agent.Place
		for _, a := range all {
			require.True(t, a.Holds)
			require.Zero(t, a.Session)
			places = append(places, a.Place)
		}
		require.Equal(t, []agent.Place{agent.PlaceOfficial, agent.PlaceRecorder, agent.PlaceOperator}, places)
		for sql, want := range map[string]int{
			`SELECT count(*) FROM sitting WHERE ended_at IS NULL`:                                 3,
			`SELECT count(*) FROM sitting WHERE client = 'page' AND endpoint = 'ep'`:              1,
			`SELECT count(*) FROM ticket_unit WHERE unit = 'EDU' AND role = 'host' AND round = 1`: 1,
		} {
			var n int
			require.NoError(t, pool.QueryRow(t.Context(), sql).Scan(&n))
			require.Equal(t, want, n, sql)
		}
		migrate(before)
	}
}
