package ticketing_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent/calendar"
	"hotline/agent/setting"
	"hotline/ticketing"
)

func clock(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", s, calendar.Zone())
	require.NoError(t, err)
	return at
}

func workdays(t *testing.T) *calendar.Calendar {
	t.Helper()
	c, err := calendar.Vendored()
	require.NoError(t, err)
	return c
}

func draft(outcome ticketing.Outcome, class ticketing.Class, ended time.Time) ticketing.Ticket {
	return ticketing.Ticket{
		State: ticketing.StateDraft, Title: "异地就医备案", Class: class, Outcome: outcome, Version: 4,
		Origin: ticketing.Origin{EndedAt: ended},
	}
}

// The golden vectors of domain.md 3.4, through registration.
func TestRegisterPromisesWorkingDays(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		call, three, ten string
		prov3, prov10    bool
	}{
		{"2026-02-05", "2026-02-10", "2026-02-26", false, false},
		{"2026-02-12", "2026-02-24", "2026-03-04", false, false},
		{"2026-02-26", "2026-03-02", "2026-03-11", false, false},
		{"2026-04-30", "2026-05-08", "2026-05-18", false, false},
		{"2026-09-17", "2026-09-21", "2026-10-08", false, false},
		{"2026-09-24", "2026-09-30", "2026-10-15", false, false},
		{"2026-12-24", "2026-12-29", "2027-01-08", false, true},
		{"2026-12-31", "2027-01-06", "2027-01-15", true, true},
	} {
		ended := clock(t, v.call+" 10:17")
		for class, want := range map[ticketing.Class]string{ticketing.ClassConsultation: v.three, ticketing.ClassOther: v.ten} {
			got, err := ticketing.Register(draft(ticketing.OutcomeTicket, class, ended), workdays(t), ticketing.PlanRules(), ended.Add(26*time.Hour))
			require.NoError(t, err)
			require.Equal(t, ticketing.StateRegistered, got.State)
			require.EqualValues(t, 5, got.Version)
			p := got.Promise
			require.NotNil(t, p)
			require.Equal(t, want, p.LastDay(), "%s %s", v.call, class)
			require.Equal(t, clock(t, want+" 00:00").AddDate(0, 0, 1), p.DueAt.In(calendar.Zone()), "24:00 of the last day")
			require.Equal(t, p.DueAt, p.DueOriginal)
			require.Equal(t, v.call, p.StartsOn.String(), "the day the call ended, not the day it was typed up")
			provisional := map[ticketing.Class]bool{ticketing.ClassConsultation: v.prov3, ticketing.ClassOther: v.prov10}
			require.Equal(t, provisional[class], p.Provisional, "%s %s", v.call, class)
			require.NotEmpty(t, p.CalendarVersion)
			require.Equal(t, "plan", p.RuleVersion)
		}
	}
}

func TestRegisterCountsARunningCallAsEndingNow(t *testing.T) {
	t.Parallel()
	now := clock(t, "2026-11-26 09:00")
	got, err := ticketing.Register(draft(ticketing.OutcomeTicket, ticketing.ClassConsultation, time.Time{}), workdays(t), ticketing.PlanRules(), now)
	require.NoError(t, err)
	require.Equal(t, "2026-12-01", got.Promise.LastDay())
}

// A minute before midnight in China is still Thursday, though UTC and the server may disagree.
func TestRegisterReadsTheDayInChina(t *testing.T) {
	t.Parallel()
	ended := time.Date(2026, 11, 26, 15, 59, 0, 0, time.UTC)
	got, err := ticketing.Register(draft(ticketing.OutcomeTicket, ticketing.ClassConsultation, ended), workdays(t), ticketing.PlanRules(), ended)
	require.NoError(t, err)
	require.Equal(t, "2026-11-26", got.Promise.StartsOn.String())
	got, err = ticketing.Register(draft(ticketing.OutcomeTicket, ticketing.ClassConsultation, ended.Add(time.Minute)), workdays(t), ticketing.PlanRules(), ended.Add(time.Minute))
	require.NoError(t, err)
	require.Equal(t, "2026-11-27", got.Promise.StartsOn.String())
}

func TestRegisterNeeds(t *testing.T) {
	t.Parallel()
	now := clock(t, "2026-11-26 09:00")
	reason := []ticketing.FieldError{{"title", "required"}, {"class", "required"}, {"answer", "required"}}
	for outcome, want := range map[ticketing.Outcome][]ticketing.FieldError{
		ticketing.OutcomeNone:              {{"title", "required"}, {"class", "required"}, {"outcome", "required"}},
		ticketing.OutcomeTicket:            {{"title", "required"}, {"class", "required"}},
		ticketing.OutcomeAnswered:          reason,
		ticketing.OutcomeExplainedPolicy:   reason,
		ticketing.OutcomeReferLegal:        reason,
		ticketing.OutcomeRepeat:            reason,
		ticketing.OutcomeSecret:            reason,
		ticketing.OutcomeAgainstOrder:      reason,
		ticketing.OutcomeOtherPlace:        reason,
		ticketing.OutcomeMarketOrPrivate:   reason,
		ticketing.OutcomeTransferEmergency: {{"title", "required"}},
		ticketing.OutcomeNoContent:         {{"title", "required"}},
		ticketing.OutcomeAbusive:           {{"title", "required"}},
	} {
		empty := ticketing.Ticket{State: ticketing.StateDraft, Outcome: outcome, Answer: " \n", Version: 1}
		got, err := ticketing.Register(empty, workdays(t), ticketing.PlanRules(), now)
		var invalid *ticketing.InvalidError
		require.ErrorAs(t, err, &invalid, outcome)
		require.Equal(t, want, invalid.Fields, outcome)
		require.Equal(t, empty, got, "nothing changes")
	}
}

func TestRegisterClosesWhatNeedsNoHandling(t *testing.T) {
	t.Parallel()
	now := clock(t, "2026-11-26 09:00")
	full := draft(ticketing.OutcomeAnswered, ticketing.ClassConsultation, time.Time{})
	full.Answer = "带身份证到参保地经办窗口备案"
	got, err := ticketing.Register(full, workdays(t), ticketing.PlanRules(), now)
	require.NoError(t, err)
	require.Equal(t, ticketing.StateClosed, got.State)
	require.Equal(t, now, got.ClosedAt)
	require.Nil(t, got.Promise)
	_, err = ticketing.Register(got, workdays(t), ticketing.PlanRules(), now)
	require.ErrorIs(t, err, ticketing.ErrNotDraft)
}

func TestRulesAreVersionedByDay(t *testing.T) {
	t.Parallel()
	change := clock(t, "2027-01-01 00:00")
	rules := append(ticketing.Rules{{Version: "2027", From: change, Days: map[ticketing.Class]int{ticketing.ClassConsultation: 2}}}, ticketing.PlanRules()...)
	before, ok := ticketing.Promised(ticketing.ClassConsultation, change.Add(-time.Nanosecond), workdays(t), rules)
	require.True(t, ok)
	require.Equal(t, "plan", before.RuleVersion)
	after, ok := ticketing.Promised(ticketing.ClassConsultation, change, workdays(t), rules)
	require.True(t, ok)
	require.Equal(t, "2027", after.RuleVersion)
	require.Equal(t, 2, after.WorkingDays)

	late := draft(ticketing.OutcomeTicket, ticketing.ClassOther, change)
	_, err := ticketing.Register(late, workdays(t), rules, change)
	fields, _ := ticketing.Invalid(err)
	require.Equal(t, []ticketing.FieldError{{"class", "no_limit"}}, fields)
}

// What is promised follows the settings from the day of their change on, and says by which of their versions.
func TestRulesOfSettings(t *testing.T) {
	t.Parallel()
	change := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	version := func(key setting.Key, n int, value string, from time.Time) setting.Version {
		return setting.Version{Key: key, Number: n, Value: value, InForceFrom: from}
	}
	rules := ticketing.RulesOf(setting.NewBook([]setting.Version{
		version(setting.Consultation, 1, "2", change), version(setting.Other, 1, "9", change.AddDate(0, 0, 1)),
		version(setting.Other, 2, "8", time.Time{}), version(setting.Ring, 1, "30", change.AddDate(0, 0, 2)),
	}))
	for _, c := range []struct {
		at      time.Time
		version string
		days    [2]int
	}{
		{change.Add(-time.Second), "plan", [2]int{3, 10}},
		{change, "c1 o0", [2]int{2, 10}},
		{change.AddDate(0, 0, 1), "c1 o1", [2]int{2, 9}},
		{change.AddDate(1, 0, 0), "c1 o1", [2]int{2, 9}},
	} {
		rule, ok := rules.At(c.at)
		require.True(t, ok)
		require.Equal(t, c.version, rule.Version, c.at)
		days := [2]int{rule.Days[ticketing.ClassConsultation], rule.Days[ticketing.ClassOther]}
		require.Equal(t, c.days, days, c.at)
	}
}
