package setting_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hotline/agent/calendar"
	"hotline/agent/setting"
)

func TestTheCatalogueHoldsTogether(t *testing.T) {
	t.Parallel()
	seen := map[setting.Key]bool{}
	for _, d := range setting.Catalogue() {
		require.False(t, seen[d.Key], d.Key)
		seen[d.Key] = true
		require.True(t, d.Propose.Declared(), d.Key)
		scope := map[setting.Per]string{setting.PerLine: "session", setting.PerYear: "2026"}[d.Per]
		value, err := d.Parse(scope, d.Initial(scope))
		require.NoError(t, err, "%s: what it is at first may be set", d.Key)
		require.Equal(t, d.Initial(scope), value)
	}
	_, ok := setting.Find("line.colour")
	require.False(t, ok)
}

func TestBadValuesNameTheMend(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		key          setting.Key
		scope, value string
		field, mend  string
	}{
		{setting.Ring, "session", "4", "value", "give a whole number from 5 to 120"},
		{setting.Ring, "session", "121", "value", "from 5 to 120"},
		{setting.Ring, "session", "abc", "value", "whole number"},
		{setting.Ring, "session", "", "value", "whole number"},
		{setting.Ring, "session", "9.5", "value", "whole number"},
		{setting.Ring, "", "9", "scope", "name the line"},
		{setting.WrapUp, "session", "-1", "value", "from 0 to 3600"},
		{setting.Notice, "session", "hotline/other", "value", "give one of"},
		{setting.Consultation, "session", "3", "scope", "one for all"},
		{setting.Consultation, "", "0", "value", "from 1 to 60"},
		{setting.Workdays, "27", "2027-01-01 休 元旦", "scope", "a year from 2016"},
		{setting.Workdays, "02027", "2027-01-01 休 元旦", "scope", "a year from 2016"},
		{setting.Workdays, "2027", "", "value", "a line for each day"},
		{setting.Workdays, "2027", "2027-01-01 休", "value", "line 1: give date"},
		{setting.Workdays, "2027", "\n2027-13-01 休 元旦", "value", "line 2: date"},
		{setting.Workdays, "2027", "2027-01-01 假 元旦", "value", "give 休 or 班"},
		{setting.Workdays, "2027", "2025-01-01 休 元旦", "value", "not of the paper of 2027"},
		{setting.Workdays, "2027", "2026-11-30 休 元旦", "value", "not of the paper of 2027"},
		{setting.Workdays, "2027", "2028-01-01 休 元旦", "value", "not of the paper of 2027"},
		{setting.Workdays, "2027", everyDay(2027), "value", "too many for a year"},
		{setting.Workdays, "2027", "2027-01-01 休 元旦\n2027-01-01 班 元旦", "value", "stands twice"},
		{setting.Workdays, "2027", "2027-01-01 休 元旦", "value", "2027-02-05"},
	} {
		d, _ := setting.Find(c.key)
		_, err := d.Parse(c.scope, c.value)
		var invalid *setting.InvalidError
		require.ErrorAs(t, err, &invalid, "%v", c)
		require.Equal(t, c.field, invalid.Field, "%v", c)
		require.Contains(t, invalid.Mend, c.mend, "%v", c)
	}
}

// everyDay is a paper by which nobody ever works.
func everyDay(year int) string {
	var paper strings.Builder
	for d := (calendar.Date{Year: year, Month: time.January, Day: 1}); d.Year == year; d = d.Next() {
		paper.WriteString(d.String() + " 休 不上班\n")
	}
	return paper.String()
}

var began = time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)

func day(n int) time.Time { return began.AddDate(0, 0, n) }

// What is in force is what a list that is walked day by day says, whatever was planned, approved late or taken back.
func TestInForce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var versions []setting.Version
		for i := range rapid.IntRange(0, 8).Draw(t, "versions") {
			v := setting.Version{Key: setting.Ring, Scope: "session", Number: i + 1, Value: strconv.Itoa(10 + i), Author: "person:a"}
			if from := rapid.IntRange(-1, 9).Draw(t, "from"); from >= 0 {
				v.InForceFrom = day(from)
			}
			versions = append(versions, v)
		}
		shuffled := rapid.Permutation(slices.Clone(versions)).Draw(t, "order")
		book := setting.NewBook(shuffled)
		want := 20
		for d := range 10 {
			for _, v := range versions {
				if v.InForceFrom.Equal(day(d)) {
					want = 10 + v.Number - 1
				}
			}
			require.Equal(t, want, book.Number(setting.Ring, "session", day(d)))
			require.Equal(t, 20, book.Number(setting.Ring, "ordinary", day(d)), "another line")
		}
	})
}

func TestApproveAndWithdraw(t *testing.T) {
	t.Parallel()
	v := setting.Version{Key: setting.Other, Number: 1, Value: "9", Author: "person:a", EffectiveFrom: day(5), ProposedAt: day(0)}
	_, err := v.Approve("person:a", day(1))
	require.ErrorIs(t, err, setting.ErrOwn)
	early, err := v.Approve("person:b", day(1))
	require.NoError(t, err)
	require.Equal(t, day(5), early.InForceFrom, "not before it was asked for")
	late, err := v.Approve("person:b", day(7))
	require.NoError(t, err)
	require.Equal(t, day(7), late.InForceFrom, "nor before it was approved")
	_, err = early.Approve("person:c", day(2))
	require.ErrorIs(t, err, setting.ErrStale, "once")

	var invalid *setting.InvalidError
	_, err = early.Withdraw("person:c", " ", day(4))
	require.ErrorAs(t, err, &invalid, "who has not asked for it says why")
	require.Equal(t, "reason", invalid.Field)
	_, err = early.Withdraw("person:c", "再\n议", day(4))
	require.ErrorAs(t, err, &invalid, "in one line, as it is shown")
	require.Equal(t, "reason", invalid.Field)
	own, err := early.Withdraw("person:a", "", day(4))
	require.NoError(t, err)
	require.Empty(t, own.WithdrawnWhy)
	back, err := early.Withdraw("person:c", " 再议 ", day(4))
	require.NoError(t, err)
	require.Equal(t, "再议", back.WithdrawnWhy)
	require.True(t, back.InForceFrom.IsZero())
	require.False(t, back.Waits())
	_, err = early.Withdraw("person:c", "再议", day(5))
	require.ErrorIs(t, err, setting.ErrStale, "it counts already")
	_, err = back.Approve("person:b", day(4))
	require.ErrorIs(t, err, setting.ErrStale)
	_, err = back.Withdraw("person:b", "再议", day(4))
	require.ErrorIs(t, err, setting.ErrStale)
}

// The papers of a year come in the place of the vendored ones, and nothing else changes.
func TestPapersReplaceAYear(t *testing.T) {
	t.Parallel()
	vendored, err := calendar.Vendored()
	require.NoError(t, err)
	same, err := calendar.WithPapers(map[int]string{2026: calendar.Paper(2026)})
	require.NoError(t, err)
	for d := vendoredDate(t, "2025-01-01"); d.Year < 2028; d = d.Next() {
		require.Equal(t, vendored.IsWorkday(d), same.IsWorkday(d), d)
	}
	p, err := calendar.NewProvider()
	require.NoError(t, err)
	changed, err := p.Replace(map[int]string{2026: "2026-01-01\toff\t元旦\n"})
	require.NoError(t, err)
	require.True(t, changed)
	require.False(t, p.Now().Official(2026))
	kept := p.Now()
	_, err = p.Replace(map[int]string{2026: "nonsense"})
	require.Error(t, err)
	require.Same(t, kept, p.Now())
	changed, err = p.Replace(map[int]string{2026: "2026-01-01\toff\t元旦\n"})
	require.NoError(t, err)
	require.False(t, changed, "the same")
	changed, err = p.Replace(nil)
	require.NoError(t, err)
	require.True(t, changed)
	require.Equal(t, vendored.Version(), p.Now().Version())
}

// The paper of a year begins in the December before: a day that two papers name is as the later one has it, whichever came first, and
// neither makes the other one useless.
func TestTwoPapersOfOneDay(t *testing.T) {
	t.Parallel()
	paper := func(year int, more string) string {
		off := ""
		for _, day := range []string{"01-01", "05-01", "05-02", "10-01", "10-02", "10-03"} {
			off += strconv.Itoa(year) + "-" + day + " 休 假\n"
		}
		d, _ := setting.Find(setting.Workdays)
		scope := strconv.Itoa(year)
		_, err := d.Parse(scope, off)
		var missing *calendar.IncompleteError
		require.ErrorAs(t, err, &missing)
		for _, m := range missing.Missing {
			off += m.String() + " 休 假\n"
		}
		kept, err := d.Parse(scope, off+more)
		require.NoError(t, err)
		return kept
	}
	p, err := calendar.NewProvider()
	require.NoError(t, err)
	friday := vendoredDate(t, "2026-12-25")
	require.True(t, p.Now().IsWorkday(friday))
	papers := map[int]string{2026: paper(2026, "2026-12-25 班 圣诞\n")}
	for _, next := range []struct {
		said  string
		works bool
	}{{"休", false}, {"班", true}} {
		papers[2027] = paper(2027, "2026-12-25 "+next.said+" 元旦\n")
		_, err = p.Replace(papers)
		require.NoError(t, err)
		require.Equal(t, next.works, p.Now().IsWorkday(friday), next.said)
		require.True(t, p.Now().Official(2026))
		require.True(t, p.Now().Official(2027))
	}
	_, err = p.Replace(map[int]string{2022: paper(2022, "2022-12-31 班 元旦\n")})
	require.NoError(t, err)
	require.False(t, p.Now().IsWorkday(vendoredDate(t, "2022-12-31")), "the vendored paper of 2023 has it off")
}

func vendoredDate(t *testing.T, s string) calendar.Date {
	t.Helper()
	d, err := calendar.ParseDate(s)
	require.NoError(t, err)
	return d
}
