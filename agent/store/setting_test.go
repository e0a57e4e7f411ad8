package store_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/command"
	"hotline/agent/policy"
	"hotline/agent/setting"
	"hotline/agent/store"
	"hotline/deploy/migrations"
	"hotline/deploy/migrations/pgtest"
)

// settings is a hall whose settings are read and written as the server does it: for a person, by hotline_app.
type settings struct {
	*hall

	app     *pgxpool.Pool // of hotline_app, for whom the context names
	service *setting.Service
	now     time.Time
}

func newSettings(t *testing.T) *settings {
	t.Helper()
	h := setup(t)
	cfg, err := pgxpool.ParseConfig(appURL(t, h))
	require.NoError(t, err)
	cfg.PrepareConn = store.ForReader
	app, err := pgxpool.NewWithConfig(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(app.Close)
	s := &settings{hall: h, app: app, now: time.Now().Truncate(time.Microsecond)}
	s.service = &setting.Service{Store: store.New(app, nil), Now: func() time.Time { return s.now }}
	return s
}

// appURL is the database as the server opens it for people.
func appURL(t *testing.T, h *hall) string {
	t.Helper()
	return pgtest.As(t, migrations.RoleApp, h.pool.Config().ConnString())
}

func (s *settings) texts(sql string) []string {
	rows, err := s.pool.Query(context.Background(), sql)
	if err != nil {
		return []string{err.Error()}
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return []string{err.Error()}
	}
	return found
}

func who(n int, roles ...policy.Role) agent.Identity {
	return agent.Identity{Person: agent.PersonID("00000000-0000-7000-8000-00000000000" + strconv.Itoa(n)), Roles: roles}
}

// What is refused stores nothing, and is told apart.
func TestProposals(t *testing.T) {
	t.Parallel()
	s := newSettings(t)
	office, other, shift := who(1, policy.Office), who(2, policy.Office), who(3, policy.Supervisor)
	propose := func(by agent.Identity, p setting.Proposal) error {
		if p.Reason == "" {
			p.Reason = "试行"
		}
		return s.service.Propose(agent.NewContext(t.Context(), by), by, p)
	}
	ring := setting.Proposal{Key: setting.Ring, Scope: "session", Value: "30"}
	with := func(f func(*setting.Proposal)) setting.Proposal {
		p := ring
		f(&p)
		return p
	}
	require.ErrorIs(t, propose(office, ring), setting.ErrNotAllowed)
	require.ErrorIs(t, propose(shift, setting.Proposal{Key: setting.Other, Value: "9"}), setting.ErrNotAllowed)
	require.ErrorIs(t, propose(shift, with(func(p *setting.Proposal) { p.Key = "line.colour" })), setting.ErrNotFound)
	require.ErrorIs(t, propose(shift, with(func(p *setting.Proposal) { p.Scope = "nowhere" })), setting.ErrNotFound)
	require.ErrorIs(t, propose(shift, with(func(p *setting.Proposal) { p.Seen = 1 })), setting.ErrStale)
	for field, p := range map[string]setting.Proposal{
		"value":          with(func(p *setting.Proposal) { p.Value = "4" }),
		"effective_from": with(func(p *setting.Proposal) { p.EffectiveFrom = s.now.Add(-2 * time.Minute) }),
		"reason":         with(func(p *setting.Proposal) { p.Reason = "  " }),
	} {
		var invalid *setting.InvalidError
		require.ErrorAs(t, propose(shift, p), &invalid)
		require.Equal(t, field, invalid.Field)
	}
	require.ErrorContains(t, propose(shift, with(func(p *setting.Proposal) { p.Value = "20" })), "already")
	require.ErrorContains(t, propose(shift, with(func(p *setting.Proposal) { p.EffectiveFrom = s.now.AddDate(3, 0, 0) })), "two years")
	require.Empty(t, s.texts(`SELECT key FROM setting`))
	require.Empty(t, s.texts(`SELECT subject FROM audit WHERE subject LIKE 'setting:%'`))

	require.NoError(t, propose(shift, ring))
	require.ErrorIs(t, propose(shift, with(func(p *setting.Proposal) { p.Value = "31" })), setting.ErrStale, "somebody was quicker")
	require.NoError(t, propose(shift, with(func(p *setting.Proposal) { p.Value, p.Seen, p.EffectiveFrom = "40", 1, s.now.Add(time.Hour) })))
	require.NoError(t, propose(office, setting.Proposal{Key: setting.Other, Value: "9"}))
	require.ErrorIs(t, propose(other, setting.Proposal{Key: setting.Other, Value: "8", Seen: 1}), setting.ErrWaits)
	answer := func(by agent.Identity, agree bool) error {
		return s.service.Answer(agent.NewContext(t.Context(), by), by, setting.Other, "", 1, agree, "再议")
	}
	require.ErrorIs(t, answer(shift, true), setting.ErrNotAllowed)
	require.ErrorIs(t, answer(office, true), setting.ErrOwn)
	require.NoError(t, answer(other, true))
	require.ErrorIs(t, answer(other, false), setting.ErrStale, "it counts")
	require.ErrorIs(t, s.service.Withdraw(agent.NewContext(t.Context(), office), office, setting.Ring, "session", 2, ""), setting.ErrNotAllowed)
	require.NoError(t, s.service.Withdraw(agent.NewContext(t.Context(), shift), shift, setting.Ring, "session", 2, ""))

	book, err := s.service.All(agent.NewContext(t.Context(), office), office)
	require.NoError(t, err)
	require.Equal(t, 30, book.Number(setting.Ring, "session", s.now.Add(2*time.Hour)))
	require.Equal(t, 9, book.Number(setting.Other, "", s.now))
	require.Equal(t, []string{
		"settings.tune setting:line.ring:session 1 proposed 20→30", "settings.tune setting:line.ring:session 2 proposed 30→40",
		"settings.plan setting:promise.other 1 proposed 10→9", "settings.approve setting:promise.other 1 approved 10→9",
		"settings.tune setting:line.ring:session 2 withdrawn 30→40",
	}, s.texts(`SELECT concat_ws(' ', action, subject, data->>'version', data->>'what', (data->>'old') || '→' || (data->>'new')) FROM audit WHERE subject LIKE 'setting:%' ORDER BY id`))
	require.Len(t, s.texts(`SELECT kind FROM fact WHERE kind = 'setting.changed'`), 5)
	_, err = s.service.All(t.Context(), who(4, policy.Official))
	require.ErrorIs(t, err, setting.ErrNotAllowed)
}

// RC2: however often a proposal or an answer to it comes, and from however many at once, there is one, and everybody is told of success.
func TestRepeatedProposalIsOneVersion(t *testing.T) {
	t.Parallel()
	s := newSettings(t)
	office, other := who(1, policy.Office), who(2, policy.Office)
	send := func(by agent.Identity, key string, do func(ctx context.Context) error) {
		const many = 8
		said := make(chan error, many)
		for range many {
			go func() {
				c := command.New(by.Person, key, http.MethodPost, "/settings", s.pool)
				said <- do(command.NewContext(agent.NewContext(t.Context(), by), c))
			}()
		}
		for range many {
			require.NoError(t, <-said)
		}
	}
	send(office, "a", func(ctx context.Context) error {
		return s.service.Propose(ctx, office, setting.Proposal{Key: setting.Other, Value: "9", Reason: "试行"})
	})
	send(other, "a", func(ctx context.Context) error { return s.service.Answer(ctx, other, setting.Other, "", 1, true, "") })
	require.Equal(t, []string{"1 9 f"}, s.texts(`SELECT concat_ws(' ', version, value, in_force_from IS NULL) FROM setting`))
	require.Equal(t, []string{"proposed", "approved"}, s.texts(`SELECT data->>'what' FROM audit WHERE subject LIKE 'setting:%' ORDER BY id`))
}

// The database holds what the service does: versions are written once, two people are two, nobody writes for somebody else, and who may
// not change settings changes none.
func TestTheDatabaseKeepsVersions(t *testing.T) {
	t.Parallel()
	s := newSettings(t)
	super := pgtest.Super(t, s.pool)
	exec := func(sql string) error {
		_, err := super.Exec(t.Context(), sql)
		return err
	}
	insert := func(key, scope, value, force, author, approver string) error {
		return exec(`INSERT INTO setting (key, scope, version, value, effective_from, in_force_from, author, proposed_at, approver, approved_at)
			SELECT '` + key + `', '` + scope + `', 1 + count(*), '` + value + `', now(), ` + force + `, '` + author + `', now(), ` + approver + `, CASE WHEN ` + approver + ` IS NOT NULL THEN now() END
			FROM setting WHERE key = '` + key + `' AND scope = '` + scope + `'`)
	}
	require.ErrorContains(t, insert("promise.other", "", "9", "now()", "person:a", "NULL"), "setting_two_people")
	require.ErrorContains(t, insert("line.notice", "session", "", "now()", "person:a", "NULL"), "setting_two_people")
	require.ErrorContains(t, insert("promise.other", "", "9", "now()", "person:a", "'person:a'"), "setting_two_people")
	require.ErrorContains(t, insert("line.ring", "session", "9", "now() - interval '1 s'", "person:a", "NULL"), "setting_in_time")
	require.NoError(t, insert("promise.other", "", "9", "now()", "person:a", "'person:b'"))
	require.NoError(t, insert("line.ring", "session", "9", "now() + interval '1 h'", "person:a", "NULL"))
	for _, sql := range []string{
		`DELETE FROM setting`, `TRUNCATE setting`, `UPDATE setting SET value = '8'`, `UPDATE setting SET author = 'x'`,
		`UPDATE setting SET in_force_from = now() + interval '2 h' WHERE key = 'line.ring'`, `UPDATE setting SET in_force_from = NULL WHERE key = 'line.ring'`,
		`UPDATE setting SET withdrawer = 'x', withdrawn_why = 'w', withdrawn_at = now(), in_force_from = NULL WHERE key = 'promise.other'`,
		`UPDATE setting SET withdrawer = 'x', withdrawn_at = now(), in_force_from = NULL WHERE key = 'line.ring'`,
	} {
		require.Error(t, exec(sql), sql)
	}
	require.NoError(t, exec(`UPDATE setting SET withdrawer = 'x', withdrawn_why = 'w', withdrawn_at = now(), in_force_from = NULL WHERE key = 'line.ring'`))
	require.Error(t, exec(`UPDATE setting SET withdrawer = NULL, withdrawn_at = NULL, in_force_from = now() + interval '1 h' WHERE key = 'line.ring'`))

	require.ErrorContains(t, exec(`UPDATE setting SET withdrawer = NULL, withdrawn_at = NULL, withdrawn_why = '', in_force_from = now() + interval '1 h' WHERE key = 'line.ring'`),
		"written once", "what was withdrawn does not come back")
	require.NoError(t, insert("promise.consultation", "", "2", "NULL", "person:a", "NULL"))
	const approved = `, approver = 'person:b', approved_at = now(), in_force_from = now() WHERE key = 'promise.consultation'`
	for _, changed := range []string{`value = '9'`, `author = 'person:c'`, `reason = 'r'`, `effective_from = now() - interval '1 d'`, `proposed_at = now() - interval '1 d'`} {
		require.ErrorContains(t, exec(`UPDATE setting SET `+changed+approved), "written once", "what is approved is what was proposed")
	}

	// By the role that the server acts as for people.
	own := setting.Version{Key: setting.Ring, Scope: "session", Number: 2, Value: "30", EffectiveFrom: s.now, InForceFrom: s.now, Author: who(3).Actor(), ProposedAt: s.now}
	add := func(by agent.Identity, v setting.Version) error {
		return s.service.Store.Add(agent.NewContext(t.Context(), by), policy.TuneLines, func(setting.Book) (setting.Version, string, error) { return v, "20", nil })
	}
	require.ErrorContains(t, add(who(3, policy.Official), own), "row-level security")
	require.ErrorContains(t, add(who(4, policy.Supervisor), own), "row-level security", "in somebody else's name")
	system := own
	system.Author = "system"
	require.ErrorContains(t, add(who(3, policy.Supervisor), system), "row-level security")
	require.NoError(t, add(who(3, policy.Supervisor), own))
	by := func(person agent.Identity, sql string) error {
		_, err := s.app.Exec(agent.NewContext(t.Context(), person), sql)
		return err
	}
	require.ErrorContains(t, by(who(1, policy.Office), `INSERT INTO setting (key, scope, version, value, effective_from, in_force_from, author, proposed_at, approver, approved_at)
		VALUES ('promise.other', '', 2, '7', now(), now(), '`+who(1).Actor()+`', now(), '`+who(2).Actor()+`', now())`), "row-level security", "two people in one act")
	const approves = `UPDATE setting SET approver = '%s', approved_at = now(), in_force_from = now() WHERE key = 'promise.consultation'`
	require.ErrorContains(t, by(who(3, policy.Supervisor), fmt.Sprintf(approves, who(3).Actor())), "row-level security", "may propose, not agree")
	require.ErrorContains(t, by(who(1, policy.Office), fmt.Sprintf(approves, who(2).Actor())), "row-level security", "for somebody else")
	require.NoError(t, by(who(1, policy.Office), fmt.Sprintf(approves, who(1).Actor())))
}

// Whoever the table of rights lets propose, agree or take back does, and nobody else: the rows ask for what the service asks for.
func TestEveryRoleActsOnSettingsAsItsTableSays(t *testing.T) {
	t.Parallel()
	s := newSettings(t)
	first := setting.Proposal{Key: setting.Other, Value: "9", Reason: "试行"}
	for _, d := range setting.Catalogue() {
		if d.Kind == setting.KindDays {
			continue
		}
		for i, role := range policy.Roles() {
			person, author, other := who(1, role), who(2, policy.Office, policy.Supervisor), who(3, policy.Office, policy.Supervisor)
			as := func(p agent.Identity) context.Context { return agent.NewContext(t.Context(), p) }
			p := first
			p.Key, p.Scope = d.Key, map[setting.Per]string{setting.PerLine: "session"}[d.Per]
			next := func() setting.Proposal {
				book, err := s.service.Store.Settings(t.Context())
				require.NoError(t, err)
				versions := book.Versions(d.Key, p.Scope)
				p.Seen, p.Value = len(versions), strconv.Itoa(20+len(versions)+i)
				if d.Kind == setting.KindChoice {
					p.Value = map[string]string{"": setting.RecordingNotice, setting.RecordingNotice: ""}[book.Value(d, p.Scope, s.now)]
				}
				return p
			}
			proposal := next()
			err := s.service.Propose(as(person), person, proposal)
			if !person.Can(d.Propose, policy.Resource{}) {
				require.ErrorIs(t, err, setting.ErrNotAllowed, "%s %s", role, d.Key)
			} else {
				require.NoError(t, err, "%s %s", role, d.Key)
				if d.TwoPeople {
					require.NoError(t, s.service.Withdraw(as(person), person, d.Key, p.Scope, proposal.Seen+1, ""), "%s %s", role, d.Key)
				}
			}
			if !d.TwoPeople {
				continue
			}
			proposal = next()
			require.NoError(t, s.service.Propose(as(author), author, proposal))
			err = s.service.Answer(as(person), person, d.Key, p.Scope, proposal.Seen+1, true, "")
			if person.Can(policy.AgreeSettings, policy.Resource{}) {
				require.NoError(t, err, "%s %s", role, d.Key)
				continue
			}
			require.ErrorIs(t, err, setting.ErrNotAllowed, "%s %s", role, d.Key)
			require.NoError(t, s.service.Answer(as(other), other, d.Key, p.Scope, proposal.Seen+1, true, ""))
		}
	}
}

// Of all who propose on top of the same version, or answer the same proposal, at once, one is heard; each of the others is told.
func TestOneOfManyAtOnce(t *testing.T) {
	t.Parallel()
	s := newSettings(t)
	const people = 8
	at := func(act func(by agent.Identity) error) [2]int {
		var done, stale int
		said := make(chan error, people)
		for i := range people {
			by := who(i+1, policy.Office)
			go func() { said <- act(by) }()
		}
		for range people {
			switch err := <-said; {
			case err == nil:
				done++
			case errors.Is(err, setting.ErrStale), errors.Is(err, setting.ErrWaits):
				stale++
			default:
				t.Error(err)
			}
		}
		return [2]int{done, stale}
	}
	heard := at(func(by agent.Identity) error {
		p := setting.Proposal{Key: setting.Other, Value: "9", Reason: "试行"}
		return s.service.Propose(agent.NewContext(t.Context(), by), by, p)
	})
	require.Equal(t, [2]int{1, people - 1}, heard)
	author := s.texts(`SELECT author FROM setting`)
	heard = at(func(by agent.Identity) error {
		if by.Actor() == author[0] {
			return setting.ErrStale
		}
		n, _ := strconv.Atoi(string(by.Person[len(by.Person)-1:]))
		return s.service.Answer(agent.NewContext(t.Context(), by), by, setting.Other, "", 1, n%2 == 0, "再议")
	})
	require.Equal(t, [2]int{1, people - 1}, heard)
	require.Len(t, s.texts(`SELECT subject FROM audit WHERE subject = 'setting:promise.other'`), 2, "one has asked, one has answered")
	require.Equal(t, []string{"1"}, s.texts(`SELECT count(*)::text FROM setting WHERE num_nonnulls(approver, withdrawer) = 1`))
}

// The schema has the bounds, the defaults and the second person of the catalogue.
func TestTheSchemaKnowsTheCatalogue(t *testing.T) {
	t.Parallel()
	s := newSettings(t)
	super := pgtest.Super(t, s.pool)
	for _, d := range setting.Catalogue() {
		scope := map[setting.Per]string{setting.PerLine: "session", setting.PerYear: "2026"}[d.Per]
		add := func(version int, value, author string) error {
			_, err := super.Exec(t.Context(), `INSERT INTO setting (key, scope, version, value, effective_from, in_force_from, author, proposed_at)
				VALUES ($1, $2, $3, $4, now(), now(), $5, now())`, d.Key, scope, version, value, author)
			return err
		}
		if d.Kind == setting.KindNumber {
			for i, n := range []int{d.Min, d.Max} {
				require.NoError(t, add(10+i, strconv.Itoa(n), "system"), "%s %d", d.Key, n)
			}
			for _, n := range []string{strconv.Itoa(d.Min - 1), strconv.Itoa(d.Max + 1), "", "x", "1e2", "123456"} {
				require.ErrorContains(t, add(20, n, "system"), "setting_value", "%s %s", d.Key, n)
			}
		}
		require.NoError(t, add(30, d.Initial(scope), "system"))
		if err := add(31, d.Initial(scope), "person:a"); d.TwoPeople {
			require.ErrorContains(t, err, "setting_two_people", d.Key)
		} else {
			require.NoError(t, err, d.Key)
		}
	}
	require.NoError(t, s.store.PutLine(t.Context(), store.Line{ID: "fresh", Name: "新", Number: "12399"}))
	initial := func(key setting.Key) string {
		d, _ := setting.Find(key)
		return d.Default
	}
	require.Equal(t, []string{initial(setting.Ring) + " " + initial(setting.WrapUp) + " " + initial(setting.Grace) + " " + initial(setting.Notice)},
		s.texts(`SELECT ring_seconds || ' ' || wrapup_seconds || ' ' || grace_seconds || ' ' || notice FROM line_rule WHERE line = 'fresh'`))
}

// The view of the call path and the book say the same of every moment: what is planned, late, withdrawn, or two of one instant.
func TestTheCallPathReadsWhatIsInForce(t *testing.T) {
	t.Parallel()
	s := newSettings(t)
	super := pgtest.Super(t, s.pool)
	for i, from := range []string{"now() - interval '2 h'", "now() + interval '1 h'", "now() - interval '1 h'", "now() - interval '1 h'", "NULL"} {
		_, err := super.Exec(t.Context(), `INSERT INTO setting (key, scope, version, value, effective_from, in_force_from, author, proposed_at)
			VALUES ('line.ring', 'session', $1, $2, now() - interval '2 h', `+from+`, 'system', now())`, i+1, strconv.Itoa(10+i))
		require.NoError(t, err)
		book, err := s.store.Settings(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{strconv.Itoa(book.Number(setting.Ring, "session", time.Now()))}, s.texts(`SELECT ring_seconds::text FROM line_rule WHERE line = 'session'`))
	}
	require.Equal(t, []string{"13"}, s.texts(`SELECT ring_seconds::text FROM line_rule WHERE line = 'session'`))
}

// What an installation sets asks no person's rights, and leaves none behind on the connection.
func TestAnInstallationSetsItsLines(t *testing.T) {
	t.Parallel()
	s := newSettings(t)
	app := pgtest.Open(t, appURL(t, s.hall))
	require.NoError(t, store.New(app, nil).TuneLine(t.Context(), "session", setting.Notice, "", s.now))
	require.NoError(t, store.New(app, nil).TuneLine(t.Context(), "session", setting.WrapUp, "0", s.now))
	require.Equal(t, []string{" 0"}, s.texts(`SELECT notice || ' ' || wrapup_seconds FROM line_rule WHERE line = 'session'`))
	var left string
	require.NoError(t, app.QueryRow(t.Context(), `SELECT reach('settings')`).Scan(&left))
	require.Empty(t, left)
}
