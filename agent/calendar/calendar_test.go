package calendar_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hotline/agent/calendar"
)

func vendored(tb testing.TB) *calendar.Calendar {
	tb.Helper()
	c, err := calendar.Vendored()
	require.NoError(tb, err)
	return c
}

func date(tb testing.TB, s string) calendar.Date {
	tb.Helper()
	d, err := calendar.ParseDate(s)
	require.NoError(tb, err)
	return d
}

// S-25, S-26: the golden vectors of domain.md 3.4.
func TestGoldenVectors(t *testing.T) {
	t.Parallel()
	c := vendored(t)
	for _, v := range []struct {
		call, consultation, other string
		provisional3, provisional bool
	}{
		{call: "2026-02-05", consultation: "2026-02-10", other: "2026-02-26"},
		{call: "2026-02-12", consultation: "2026-02-24", other: "2026-03-04"},
		{call: "2026-02-26", consultation: "2026-03-02", other: "2026-03-11"},
		{call: "2026-04-30", consultation: "2026-05-08", other: "2026-05-18"},
		{call: "2026-09-17", consultation: "2026-09-21", other: "2026-10-08"},
		{call: "2026-09-24", consultation: "2026-09-30", other: "2026-10-15"},
		{call: "2026-12-24", consultation: "2026-12-29", other: "2027-01-08", provisional: true},
		{call: "2026-12-31", consultation: "2027-01-06", other: "2027-01-15", provisional3: true, provisional: true},
	} {
		three, ten := c.Add(date(t, v.call), 3), c.Add(date(t, v.call), 10)
		require.Equal(t, v.consultation, three.LastDay.String(), "3 working days from %s", v.call)
		require.Equal(t, v.provisional3, three.Provisional, "3 working days from %s", v.call)
		require.Equal(t, v.other, ten.LastDay.String(), "10 working days from %s", v.call)
		require.Equal(t, v.provisional, ten.Provisional, "10 working days from %s", v.call)
	}
}

// The same vectors whatever zone the process runs in.
func TestGoldenVectorsInOtherZones(t *testing.T) {
	t.Parallel()
	for _, tz := range []string{"UTC", "Asia/Shanghai", "America/New_York"} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^(TestGoldenVectors|TestDueInstant)$")
		cmd.Env = append(os.Environ(), "TZ="+tz)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "TZ=%s: %s", tz, out)
	}
}

func TestDueInstant(t *testing.T) {
	t.Parallel()
	due := vendored(t).Add(date(t, "2026-11-26"), 3)
	require.Equal(t, "2026-12-01", due.LastDay.String())
	require.Equal(t, time.Date(2026, 12, 1, 16, 0, 0, 0, time.UTC), due.At.UTC(), "24:00 in China is 16:00 UTC")
	require.False(t, due.Provisional)

	late := time.Date(2026, 11, 26, 15, 59, 59, 0, time.UTC)
	require.Equal(t, "2026-11-26", calendar.DateOf(late).String())
	require.Equal(t, "2026-11-27", calendar.DateOf(late.Add(time.Second)).String(), "the civil date turns at 16:00 UTC")
}

func TestYear2026(t *testing.T) {
	t.Parallel()
	c := vendored(t)
	work, thursdays := 0, []string{}
	for d := date(t, "2026-01-01"); d.Year == 2026; d = d.Next() {
		switch {
		case c.IsWorkday(d):
			work++
		case d.Weekday() == time.Thursday:
			thursdays = append(thursdays, d.String())
		}
	}
	require.Equal(t, 248, work)
	require.Equal(t, []string{"2026-01-01", "2026-02-19", "2026-10-01"}, thursdays)
}

func TestOfficialYears(t *testing.T) {
	t.Parallel()
	c := vendored(t)
	for year := 2016; year <= 2026; year++ {
		require.True(t, c.Official(year), "%d misses %v", year, c.Missing(year))
	}
	require.False(t, c.Official(2015), "a year before the data")
	require.False(t, c.Official(2027), "the paper of 2027 is not out")
	require.NotEmpty(t, c.Missing(2027))

	require.False(t, c.IsWorkday(date(t, "2027-02-05")), "New Year's Eve by the statutory table")
	require.False(t, c.IsWorkday(date(t, "2027-02-08")))
	require.True(t, c.IsWorkday(date(t, "2027-02-09")))
	require.False(t, c.IsWorkday(date(t, "2031-10-03")), "fixed holidays beyond the table")
}

// A partial year stays provisional, and what it names still holds.
func TestPartialYear(t *testing.T) {
	t.Parallel()
	c, err := calendar.New("2027-01-01\toff\t元旦\t2027\n2027-01-03\twork\t元旦\t2027\n")
	require.NoError(t, err)
	require.False(t, c.Official(2027))
	require.Contains(t, c.Missing(2027), date(t, "2027-02-05"))
	require.NotContains(t, c.Missing(2027), date(t, "2027-01-01"))
	require.True(t, c.IsWorkday(date(t, "2027-01-03")), "a Sunday that the paper makes a working day")
	require.True(t, c.Add(date(t, "2027-01-01"), 1).Provisional)
}

func TestBadDataIsRefused(t *testing.T) {
	t.Parallel()
	for _, v := range []struct{ data, want string }{
		{"2026-01-01\toff\t元旦\n", "line 1: want 4 fields"},
		{"# c\n2026-02-30\toff\t元旦\t2026\n", `line 2: date "2026-02-30"`},
		{"2026-01-01\tfree\t元旦\t2026\n", `"free": want work or off`},
		{"2026-01-01\toff\t元旦\tXX\n", "year of the paper"},
		{"2026-01-01\toff\t元旦\t2026\n2026-01-01\twork\t元旦\t2026\n", "line 2: 2026-01-01 stands twice"},
	} {
		_, err := calendar.New(v.data)
		require.ErrorContains(t, err, v.want)
	}
}

func TestVersionFollowsTheData(t *testing.T) {
	t.Parallel()
	c := vendored(t)
	require.Regexp(t, `^cn-2026-[0-9a-f]{8}$`, c.Version())
	other, err := calendar.New("2026-01-01\toff\t元旦\t2026\n")
	require.NoError(t, err)
	require.NotEqual(t, c.Version(), other.Version())
}

// Laws: the last day is a working day after the start with exactly n working days up to it, and more days end later.
func TestAddLaws(t *testing.T) {
	t.Parallel()
	c := vendored(t)
	first := date(t, "2016-01-01").Start()
	rapid.Check(t, func(t *rapid.T) {
		from := calendar.DateOf(first.AddDate(0, 0, rapid.IntRange(0, 16*365).Draw(t, "day")))
		n := rapid.IntRange(1, 40).Draw(t, "n")
		due := c.Add(from, n)
		require.True(t, c.IsWorkday(due.LastDay))
		var counted []calendar.Date
		for d := from; d != due.LastDay; {
			d = d.Next()
			if c.IsWorkday(d) {
				counted = append(counted, d)
			}
		}
		require.Len(t, counted, n)
		require.True(t, slices.IsSortedFunc(counted, func(a, b calendar.Date) int { return strings.Compare(a.String(), b.String()) }))
		require.True(t, c.Add(from, n+1).At.After(due.At))
		require.Equal(t, due.LastDay.Next().Start(), due.At)
	})
}
